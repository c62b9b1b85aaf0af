# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# gnuplot -c plot.gp PICTURE.svg FLOOD.dat TESTRUN.dat: bars with their spread; ours in another colour.
# Columns: row, name, median, low, high, whether it is ours.
set terminal svg size 860,760 font "sans-serif,13" noenhanced background rgb "white"
set output ARG1
set multiplot layout 2,1
set style fill solid 0.85
set boxwidth 0.7
unset key
set grid xtics
set yrange [*:*] reverse
set offsets 0, 0, 0.6, 0.6
set lmargin 30
set rmargin 6
ROOM = 1.15 # for the number behind the longest spread
colour(ours) = ours > 0 ? 0x1f6fb4 : 0x9aa5b1

stats ARG2 using 5 nooutput
set xrange [0:ROOM*STATS_max]
set title "End to end on veth: CPU nanoseconds a packet of the receiving side"
plot ARG2 using (0.5*$3):1:(0.5*$3):(0.35):(colour($6)):ytic(2) with boxxyerror linecolor rgb variable, \
	ARG2 using 3:1:4:5 with xerrorbars linecolor rgb "#222222" pointtype 0, \
	ARG2 using 5:1:(sprintf("%.0f", $3)) with labels left offset 1,0

stats ARG3 using 5 nooutput
set xrange [0:ROOM*STATS_max]
set title "The program alone: nanoseconds to drop SYN+FIN, over a program that only returns"
plot ARG3 using (0.5*$3):1:(0.5*$3):(0.35):(colour($6)):ytic(2) with boxxyerror linecolor rgb variable, \
	ARG3 using 3:1:4:5 with xerrorbars linecolor rgb "#222222" pointtype 0, \
	ARG3 using 5:1:(sprintf("%.1f", $3)) with labels left offset 1,0
unset multiplot
