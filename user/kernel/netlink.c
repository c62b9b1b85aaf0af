/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "kernel/netlink.h"

#include "base/cleanup.h"
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define BUFFER_SIZE (1 << 16)
#define INTERRUPTIONS_MAX 100 /* the answer is there when recv() is called, which so hardly ever waits */

void netlink_put(struct netlink_request *request, unsigned short type, const void *data, unsigned short size)
{
	struct nlattr *attribute = (void *)((char *)request + NLMSG_ALIGN(request->header.nlmsg_len));

	*attribute = (struct nlattr){.nla_len = NLA_HDRLEN + size, .nla_type = type};
	memcpy((char *)attribute + NLA_HDRLEN, data, size);
	request->header.nlmsg_len = NLMSG_ALIGN(request->header.nlmsg_len) + NLA_ALIGN(attribute->nla_len);
}

const void *netlink_data(const struct nlattr *attribute)
{
	return (const char *)attribute + NLA_HDRLEN;
}

const struct nlattr *netlink_find(const void *attributes, int size, unsigned short type, int needed)
{
	const struct nlattr *attribute = attributes;

	while (size >= NLA_HDRLEN && attribute->nla_len >= NLA_HDRLEN && attribute->nla_len <= size) {
		if ((attribute->nla_type & NLA_TYPE_MASK) == type)
			return attribute->nla_len >= NLA_HDRLEN + needed ? attribute : NULL;
		size -= NLA_ALIGN(attribute->nla_len);
		attribute = (const void *)((const char *)attribute + NLA_ALIGN(attribute->nla_len));
	}
	return NULL;
}

const struct nlattr *netlink_find_nested(const struct nlattr *outer, unsigned short type, int needed)
{
	return outer ? netlink_find(netlink_data(outer), outer->nla_len - NLA_HDRLEN, type, needed) : NULL;
}

const struct nlattr *netlink_find_link(const struct nlmsghdr *message, unsigned short type, int needed)
{
	return netlink_find(IFLA_RTA(NLMSG_DATA(message)), IFLA_PAYLOAD(message), type, needed);
}

__u32 netlink_number(const struct nlattr *attribute)
{
	return attribute ? *(const __u32 *)netlink_data(attribute) : 0;
}

void netlink_copy_text(char *to, size_t size, const struct nlattr *attribute)
{
	snprintf(to, size, "%.*s", attribute ? (int)attribute->nla_len - NLA_HDRLEN : 0,
		 attribute ? (const char *)netlink_data(attribute) : "");
}

/*
 * Hands the messages that came at once to READ. 1 if more are to come, 0 at the end, or -errno. CHANGED: what is listed
 * changed meanwhile.
 */
static int read_messages(const char *buffer, ssize_t size, netlink_reader *read, void *context, bool *changed)
{
	for (const struct nlmsghdr *message = (const void *)buffer; NLMSG_OK(message, size);
	     message = NLMSG_NEXT(message, size)) {
		*changed |= !!(message->nlmsg_flags & NLM_F_DUMP_INTR);
		if (message->nlmsg_type == NLMSG_DONE)
			return 0;
		if (message->nlmsg_type == NLMSG_ERROR)
			return ((const struct nlmsgerr *)NLMSG_DATA(message))->error;
		read(message, context);
		if (!(message->nlmsg_flags & NLM_F_MULTI))
			return 0;
	}
	return 1;
}

int netlink_ask(int protocol, struct netlink_request *request, netlink_reader *read, void *context)
{
	_cleanup_fd_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	_cleanup_free_ char *buffer = malloc(BUFFER_SIZE);
	int more = 1, interruptions = 0;
	bool changed = false;

	request->header.nlmsg_flags |= NLM_F_REQUEST;
	if (!buffer)
		return -ENOMEM;
	if (fd < 0 || send(fd, request, request->header.nlmsg_len, 0) < 0)
		return -errno;
	while (more > 0) {
		ssize_t size = recv(fd, buffer, BUFFER_SIZE, 0);

		if (size >= 0)
			more = read_messages(buffer, size, read, context, &changed);
		else if (errno != EINTR || ++interruptions == INTERRUPTIONS_MAX)
			return -errno;
	}
	return more < 0 ? more : changed ? -EAGAIN : 0;
}

struct netlink_xdp netlink_find_xdp(const struct nlmsghdr *message)
{
	const struct nlattr *xdp = netlink_find_link(message, IFLA_XDP, 0);

	return (struct netlink_xdp){
		.native = netlink_number(netlink_find_nested(xdp, IFLA_XDP_DRV_PROG_ID, sizeof(__u32))),
		.generic = netlink_number(netlink_find_nested(xdp, IFLA_XDP_SKB_PROG_ID, sizeof(__u32))),
		.offload = netlink_number(netlink_find_nested(xdp, IFLA_XDP_HW_PROG_ID, sizeof(__u32))),
	};
}

int netlink_ask_link(unsigned int ifindex, netlink_reader *read, void *context)
{
	struct netlink_request request = {
		.header = {.nlmsg_type = RTM_GETLINK, .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg))}};

	((struct ifinfomsg *)request.body)->ifi_index = ifindex;
	return ifindex ? netlink_ask(NETLINK_ROUTE, &request, read, context) : -ENODEV;
}

int netlink_ask_links(netlink_reader *read, void *context)
{
	const __u32 no_statistics = RTEXT_FILTER_SKIP_STATS;
	struct netlink_request request = {.header = {.nlmsg_type = RTM_GETLINK,
						     .nlmsg_flags = NLM_F_DUMP,
						     .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg))}};

	netlink_put(&request, IFLA_EXT_MASK, &no_statistics, sizeof(no_statistics));
	return netlink_ask(NETLINK_ROUTE, &request, read, context);
}

static void read_xdp(const struct nlmsghdr *message, void *context)
{
	*(struct netlink_xdp *)context = netlink_find_xdp(message);
}

int netlink_ask_xdp(unsigned int ifindex, struct netlink_xdp *xdp)
{
	struct netlink_xdp read = {};
	int error = netlink_ask_link(ifindex, read_xdp, &read);

	if (!error)
		*xdp = read;
	return error;
}
