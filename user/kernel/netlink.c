/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "kernel/netlink.h"

#include "base/cleanup.h"
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

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

void netlink_copy_text(char *to, size_t size, const struct nlattr *attribute)
{
	snprintf(to, size, "%.*s", attribute ? (int)attribute->nla_len - NLA_HDRLEN : 0,
		 attribute ? (const char *)netlink_data(attribute) : "");
}

/* Hands the messages that came at once to READ. 1 if more are to come, 0 at the end, or -errno. */
static int read_messages(const char *buffer, ssize_t size, netlink_reader *read, void *context)
{
	for (const struct nlmsghdr *message = (const void *)buffer; NLMSG_OK(message, size);
	     message = NLMSG_NEXT(message, size)) {
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
	_cleanup_free_ char *buffer = malloc(1 << 16);
	int more;

	request->header.nlmsg_flags |= NLM_F_REQUEST;
	if (!buffer)
		return -ENOMEM;
	if (fd < 0 || send(fd, request, request->header.nlmsg_len, 0) < 0)
		return -errno;
	do {
		ssize_t size = recv(fd, buffer, 1 << 16, 0);

		if (size < 0 && errno != EINTR)
			return -errno;
		more = size < 0 ? 1 : read_messages(buffer, size, read, context);
	} while (more > 0);
	return more;
}
