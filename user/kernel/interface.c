/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "kernel/interface.h"

#include "base/netns.h"
#include "base/shell.h"
#include "base/system.h"
#include "kernel/netlink.h"
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>

#define LISTS_MAX 10	    /* looks at all interfaces while they come and go */
#define NAME_MAX_LENGTH 127 /* of an alternative name: the kernel's ALTIFNAMSIZ - 1 */

static void read_link(const struct nlmsghdr *message, void *context)
{
	const struct ifinfomsg *link = NLMSG_DATA(message);
	struct interface *interface = context;

	netlink_copy_text(interface->name, sizeof(interface->name), netlink_find_link(message, IFLA_IFNAME, 1));
	interface->ifindex = link->ifi_index;
	interface->link = frames_read_link(message);
	interface->frames = frames_of(&interface->link, system_kernel());
}

/* The kernel looks among its own names as well for what is asked for as an alternative one. */
static int ask_link(struct interface *interface, const char *name)
{
	struct netlink_request request = {
		.header = {.nlmsg_type = RTM_GETLINK, .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg))}};
	size_t length = strlen(name);

	if (!length || length > NAME_MAX_LENGTH)
		return -ENODEV;
	netlink_put(&request, IFLA_ALT_IFNAME, name, length + 1);
	return netlink_ask(NETLINK_ROUTE, &request, read_link, interface);
}

int interface_find(struct interface *interface, const char *name, struct diag *diag)
{
	struct interface found = {};
	int error = ask_link(&found, name);

	if (!error && !found.ifindex)
		error = -EIO;
	if (error == -ENODEV)
		return diag_fail(diag, error, "no interface '%.40s' in this network namespace; see `%s link`", name,
				 shell_tool(netns_entered(), "ip").text);
	if (error)
		return diag_fail(diag, error, "cannot ask the kernel about %.40s: %s", name, strerror(-error));
	*interface = found;
	return 0;
}

static bool has_xdp(const struct nlmsghdr *message)
{
	struct netlink_xdp xdp = netlink_find_xdp(message);

	return xdp.native || xdp.generic || xdp.offload;
}

/* Reads all of them, for CONTEXT, a struct interfaces; FAILED is what came in between. */
static void read_links(const struct nlmsghdr *message, void *context)
{
	struct interfaces *list = context;
	struct interface *grown;

	if (message->nlmsg_type != RTM_NEWLINK || list->failed || !has_xdp(message))
		return;
	grown = reallocarray(list->interface, list->count + 1, sizeof(*grown));
	if (!grown) {
		list->failed = -ENOMEM;
		return;
	}
	list->interface = grown;
	memset(&grown[list->count], 0, sizeof(*grown));
	read_link(message, &grown[list->count++]);
}

int interfaces_with_xdp(struct interfaces *list, struct diag *diag)
{
	int error = -EAGAIN;

	for (int tries = 0; tries < LISTS_MAX && error == -EAGAIN; tries++) {
		interfaces_free(list);
		*list = INTERFACES_NONE;
		error = netlink_ask_links(read_links, list);
	}
	/* Where they come and go all the time, what was seen of them is what there is to be told. */
	error = error == -EAGAIN ? list->failed : error ?: list->failed;
	return error ? diag_fail(diag, error, "cannot list the network interfaces: %s", strerror(-error)) : 0;
}

void interfaces_free(struct interfaces *list)
{
	free(list->interface);
}
