/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "kernel/nic.h"

#include "base/cleanup.h"
#include "kernel/netlink.h"
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/genetlink.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* Of linux/netdev.h, which Linux 6.3 brought and Debian 12 does not have. */
enum {
	NETDEV_GET = 1,
	NETDEV_IFINDEX = 1,
	NETDEV_XDP_FEATURES = 3,
	XDP_FEATURE_BASIC = 1,
	XDP_FEATURE_RX_SG = 32,
};

/* ---- the interface, and those above and below it */

struct links {
	struct nic *nic;
	unsigned int master, link; /* indexes; 0: none */
};

#define LINK_INFO(message) ((const struct ifinfomsg *)NLMSG_DATA(message))

static const struct nlattr *link_kind(const struct nlmsghdr *message)
{
	return netlink_find_nested(netlink_find_link(message, IFLA_LINKINFO, 0), IFLA_INFO_KIND, 1);
}

static bool link_has_xdp(const struct nlmsghdr *message)
{
	const struct netlink_xdp xdp = netlink_find_xdp(message);

	return xdp.native || xdp.generic || xdp.offload;
}

static void read_itself(const struct nlmsghdr *message, void *context)
{
	struct links *links = context;
	struct nic *nic = links->nic;

	nic->up = LINK_INFO(message)->ifi_flags & IFF_UP;
	nic->mtu = netlink_number(netlink_find_link(message, IFLA_MTU, sizeof(__u32)));
	links->master = netlink_number(netlink_find_link(message, IFLA_MASTER, sizeof(__u32)));
	/* The other end of a veth is no lower interface, and one in another namespace has no name here. */
	if (LINK_INFO(message)->ifi_type == ARPHRD_LOOPBACK)
		snprintf(nic->kind, sizeof(nic->kind), "loopback");
	else
		netlink_copy_text(nic->kind, sizeof(nic->kind), link_kind(message));
	if (strcmp(nic->kind, "veth") != 0 && !netlink_find_link(message, IFLA_LINK_NETNSID, 0))
		links->link = netlink_number(netlink_find_link(message, IFLA_LINK, sizeof(__u32)));
}

static void read_relative(const struct nlmsghdr *message, void *context)
{
	const struct links *links = context;
	unsigned int index = LINK_INFO(message)->ifi_index;
	struct nic *nic = links->nic;
	char name[IF_NAMESIZE];

	netlink_copy_text(name, sizeof(name), netlink_find_link(message, IFLA_IFNAME, 1));
	if (index == links->master) {
		memcpy(nic->master, name, sizeof(name));
		netlink_copy_text(nic->master_kind, sizeof(nic->master_kind), link_kind(message));
		if (link_has_xdp(message))
			memcpy(nic->busy_master, name, sizeof(name));
	}
	if (index == nic->ifindex ||
	    (index != links->link &&
	     netlink_number(netlink_find_link(message, IFLA_MASTER, sizeof(__u32))) != nic->ifindex))
		return;
	if (nic->lowers < NIC_NAMES_MAX)
		memcpy(nic->lower[nic->lowers++], name, sizeof(name));
	if (link_has_xdp(message))
		memcpy(nic->busy_lower, name, sizeof(name));
}

static int read_links(struct nic *nic)
{
	struct netlink_request request = {.header = {.nlmsg_type = RTM_GETLINK,
						     .nlmsg_flags = NLM_F_DUMP,
						     .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg))}};
	struct links links = {.nic = nic};
	int error = netlink_ask_link(nic->ifindex, read_itself, &links);

	return error ? error : netlink_ask(NETLINK_ROUTE, &request, read_relative, &links);
}

/* ---- xdp-features */

static const struct nlattr *generic_attribute(const struct nlmsghdr *message, unsigned short type, int needed)
{
	return netlink_find((const char *)NLMSG_DATA(message) + GENL_HDRLEN,
			    (int)message->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN, type, needed);
}

static void read_family(const struct nlmsghdr *message, void *context)
{
	const struct nlattr *id = generic_attribute(message, CTRL_ATTR_FAMILY_ID, sizeof(__u16));

	if (id)
		*(__u16 *)context = *(const __u16 *)netlink_data(id);
}

static void read_features(const struct nlmsghdr *message, void *context)
{
	const struct nlattr *attribute = generic_attribute(message, NETDEV_XDP_FEATURES, sizeof(__u64));
	struct nic *nic = context;
	__u64 features;

	if (!attribute)
		return;
	memcpy(&features, netlink_data(attribute), sizeof(features));
	nic->native = features & XDP_FEATURE_BASIC ? YES : NO;
	nic->several_buffers = features & XDP_FEATURE_RX_SG ? YES : NO;
}

static void start_generic(struct netlink_request *request, __u16 family, __u8 command)
{
	*request = (struct netlink_request){.header = {.nlmsg_type = family, .nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN)}};
	*(struct genlmsghdr *)request->body = (struct genlmsghdr){.cmd = command, .version = 1};
}

/* A kernel that does not know the question leaves the answers unknown. */
static void ask_features(struct nic *nic)
{
	struct netlink_request request;
	__u16 family = 0;

	start_generic(&request, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	netlink_put(&request, CTRL_ATTR_FAMILY_NAME, "netdev", sizeof("netdev"));
	if (netlink_ask(NETLINK_GENERIC, &request, read_family, &family) || !family)
		return;
	start_generic(&request, family, NETDEV_GET);
	netlink_put(&request, NETDEV_IFINDEX, &nic->ifindex, sizeof(__u32));
	netlink_ask(NETLINK_GENERIC, &request, read_features, nic);
}

/* ---- ethtool */

static int ethtool(int fd, const char *interface, void *command)
{
	struct ifreq request = {.ifr_data = command};

	memcpy(request.ifr_name, interface, strnlen(interface, sizeof(request.ifr_name) - 1));
	return ioctl(fd, SIOCETHTOOL, &request) ? -errno : 0;
}

/* The number of the feature that ethtool calls NAME, or -1; SIZE is how many there are. */
static int feature_number(int fd, const struct nic *nic, const char *name, __u32 *size)
{
	_cleanup_free_ struct ethtool_sset_info *sets = calloc(1, sizeof(*sets) + sizeof(sets->data[0]));
	_cleanup_free_ struct ethtool_gstrings *strings = NULL;

	if (!sets)
		return -1;
	*sets = (struct ethtool_sset_info){.cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ull << ETH_SS_FEATURES};
	if (ethtool(fd, nic->name, sets) || !sets->sset_mask || sets->data[0] > 1024)
		return -1;
	*size = sets->data[0];
	strings = calloc(1, sizeof(*strings) + *size * ETH_GSTRING_LEN);
	if (!strings)
		return -1;
	*strings = (struct ethtool_gstrings){.cmd = ETHTOOL_GSTRINGS, .string_set = ETH_SS_FEATURES, .len = *size};
	if (ethtool(fd, nic->name, strings))
		return -1;
	for (__u32 i = 0; i < *size; i++)
		if (!strncmp((const char *)strings->data + i * ETH_GSTRING_LEN, name, ETH_GSTRING_LEN))
			return i;
	return -1;
}

static void ask_gro_hw(int fd, struct nic *nic)
{
	_cleanup_free_ struct ethtool_gfeatures *features = NULL;
	__u32 size = 0, bit;
	int feature = feature_number(fd, nic, "rx-gro-hw", &size);
	const struct ethtool_get_features_block *block;

	if (feature < 0)
		return;
	features = calloc(1, sizeof(*features) + (size + 31) / 32 * sizeof(features->features[0]));
	if (!features)
		return;
	features->cmd = ETHTOOL_GFEATURES;
	features->size = (size + 31) / 32;
	if (ethtool(fd, nic->name, features))
		return;
	block = &features->features[feature / 32];
	bit = 1u << feature % 32;
	nic->gro_hw = answer_from(block->active & bit);
	nic->gro_hw_fixed = answer_from(block->never_changed & bit || !(block->available & bit));
}

static void ask_ethtool(struct nic *nic)
{
	struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	struct ethtool_value flags = {.cmd = ETHTOOL_GFLAGS};
	_cleanup_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (!ethtool(fd, nic->name, &driver) && *driver.driver)
		snprintf(nic->driver, sizeof(nic->driver), "%.31s", driver.driver);
	if (!ethtool(fd, nic->name, &channels)) {
		nic->queues = channels.combined_count;
		nic->queues_max = channels.max_combined;
		nic->rx_queues = channels.rx_count;
		nic->rx_queues_max = channels.max_rx;
	}
	if (!ethtool(fd, nic->name, &flags)) {
		nic->lro = answer_from(flags.data & ETH_FLAG_LRO);
		nic->rxvlan = answer_from(flags.data & ETH_FLAG_RXVLAN);
	}
	ask_gro_hw(fd, nic);
}

int nic_read(struct nic *nic, const struct interface *interface, struct diag *diag)
{
	struct nic read = {.ifindex = interface->ifindex, .link = interface->link, .frames = interface->frames};
	int error;

	memcpy(read.name, interface->name, sizeof(read.name));
	error = read_links(&read);
	if (error)
		return diag_fail(diag, error, "cannot ask the kernel about %s: %s", interface->name, strerror(-error));
	snprintf(read.driver, sizeof(read.driver), "%s", *read.kind ? read.kind : "its driver");
	ask_features(&read);
	ask_ethtool(&read);
	*nic = read;
	return 0;
}

unsigned int nic_queues_of_attach(const char *interface)
{
	struct ethtool_drvinfo driver = {.cmd = ETHTOOL_GDRVINFO};
	struct ethtool_channels channels = {.cmd = ETHTOOL_GCHANNELS};
	_cleanup_fd_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ethtool(fd, interface, &driver) || strcmp(driver.driver, "veth") != 0)
		return 0;
	return ethtool(fd, interface, &channels) ? 0 : channels.rx_count + channels.combined_count;
}
