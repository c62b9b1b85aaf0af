/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stand-ins, in shape only, for the libraries' macros, whose headers cppcheck does not read. */
#define LIBBPF_OPTS(type, ...) struct type options
#define json_array_foreach(list, i, value) for (i = 0, value = list; value; i++)
#define bpf_object__for_each_map(map, object) for (map = 0; map;)
