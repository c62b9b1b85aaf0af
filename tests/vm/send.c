/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* send INTERFACE CAPTURE: sends the frames of a pcap file, of this machine's byte order, out of an interface. */
#include <linux/if_packet.h>
#include <net/if.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define FILE_HEADER 24
#define BURST 16 /* what a veth's ring takes at once */

int main(int argc, char **argv)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET};
	struct {
		uint32_t seconds, microseconds, captured, length;
	} record;
	unsigned char frame[9014];
	FILE *capture = argc == 3 ? fopen(argv[2], "rb") : NULL;
	unsigned int sent = 0;
	int wire = socket(AF_PACKET, SOCK_RAW, 0);

	if (!capture || fseek(capture, FILE_HEADER, SEEK_SET) || wire < 0) {
		perror("send INTERFACE CAPTURE");
		return 1;
	}
	address.sll_ifindex = if_nametoindex(argv[1]);
	while (fread(&record, sizeof(record), 1, capture) == 1) {
		if (record.captured > sizeof(frame) || fread(frame, record.captured, 1, capture) != 1 ||
		    sendto(wire, frame, record.captured, 0, (void *)&address, sizeof(address)) < 0) {
			perror(argv[2]);
			return 1;
		}
		if (++sent % BURST == 0)
			usleep(2000);
	}
	return 0;
}
