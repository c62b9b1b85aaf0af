/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Questions to the kernel by netlink, and their answers. */
#ifndef KERNEL_NETLINK_H
#define KERNEL_NETLINK_H

#include <linux/netlink.h>
#include <linux/types.h>
#include <stddef.h>

struct netlink_request {
	struct nlmsghdr header;
	char body[256];
};

/* Is called with each message of an answer. */
typedef void netlink_reader(const struct nlmsghdr *message, void *context);

/* Adds an attribute; together they have to fit into the body. */
void netlink_put(struct netlink_request *request, unsigned short type, const void *data, unsigned short size);

/*
 * Sends REQUEST, and hands each message of the answer to READ. -errno, also the kernel's own; -EAGAIN if what a list is
 * of has changed while it was read.
 */
int netlink_ask(int protocol, struct netlink_request *request, netlink_reader *read, void *context);

const void *netlink_data(const struct nlattr *attribute);

/* The attribute of TYPE among those in the SIZE bytes at ATTRIBUTES that has at least NEEDED bytes of data, or NULL. */
const struct nlattr *netlink_find(const void *attributes, int size, unsigned short type, int needed);

/* The same among the attributes in OUTER, which may be NULL. */
const struct nlattr *netlink_find_nested(const struct nlattr *outer, unsigned short type, int needed);

/* The same in a message about a link: RTM_NEWLINK. */
const struct nlattr *netlink_find_link(const struct nlmsghdr *message, unsigned short type, int needed);

/* The number in an attribute of four bytes; 0 if ATTRIBUTE is NULL. */
__u32 netlink_number(const struct nlattr *attribute);

/* Text of a fixed SIZE from ATTRIBUTE; "" if that is NULL. */
void netlink_copy_text(char *to, size_t size, const struct nlattr *attribute);

/* The ids of the XDP programs that the kernel itself runs on one interface; 0: none. */
struct netlink_xdp {
	__u32 native, generic, offload;
};

/* As a message about a link tells. */
struct netlink_xdp netlink_find_xdp(const struct nlmsghdr *message);

/* Asks about one interface, and no other. -errno; -ENODEV if there is none with this index. */
int netlink_ask_link(unsigned int ifindex, netlink_reader *read, void *context);
int netlink_ask_xdp(unsigned int ifindex, struct netlink_xdp *xdp);

/* Asks about all of this network namespace at once. */
int netlink_ask_links(netlink_reader *read, void *context);

#endif
