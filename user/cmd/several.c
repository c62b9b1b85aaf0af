/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cmd/several.h"

#include "base/text.h"
#include "kernel/bpffs.h"
#include "kernel/interface.h"
#include "show/output.h"
#include <errno.h>
#include <signal.h>
#include <string.h>

error_t several_parse(int key, char *text, struct argp_state *state, struct several *several)
{
	switch (key) {
	case SEVERAL_ALL:
		several->all = true;
		return 0;
	case ARGP_KEY_ARG:
		if (several->all)
			command_usage_error(state, "unexpected argument '%s': --all is every interface", text);
		break;
	case ARGP_KEY_END:
		if (several_is_next(several))
			command_usage_error(state, "name an interface, or several as IF,IF, or give --all");
		return 0;
	}
	return command_parse_interface_argument(key, text, state, (const char **)&several->named);
}

static int add(struct several *several, const char *name, unsigned int ifindex, struct diag *diag)
{
	struct several_one *grown = reallocarray(several->one, several->count + 1, sizeof(*grown));
	struct several_one one = {.name = strdup(name), .ifindex = ifindex};

	if (grown)
		several->one = grown;
	if (!grown || !one.name) {
		free(one.name);
		return diag_no_memory(diag);
	}
	grown[several->count++] = one;
	return 0;
}

static int add_all(struct several *several, struct diag *diag)
{
	_cleanup_(interfaces_free) struct interfaces interfaces = INTERFACES_NONE;
	_cleanup_fd_ int bpffs = bpffs_open(diag);
	int error;

	if (bpffs < 0) /* where no pins can be seen there may be filters all the same */
		return bpffs;
	error = interfaces_with_xdp(&interfaces, diag);
	for (unsigned int i = 0; i < interfaces.count && !error; i++)
		error = add(several, interfaces.interface[i].name, interfaces.interface[i].ifindex, diag);
	return error;
}

/* One of those that are listed, which may be called by an alternative name. That there is none, its turn will show. */
static int add_listed(struct several *several, const char *name, struct diag *diag)
{
	struct interface interface;
	struct diag ignored;

	if (!*name)
		return diag_usage(diag, "'%.80s': a name is missing beside a comma", several->named);
	if (!interface_find(&interface, name, &ignored))
		name = interface.name;
	for (unsigned int i = 0; i < several->count; i++)
		if (!strcmp(several->one[i].name, name))
			return diag_usage(diag, "'%.80s': %.40s is named twice", several->named, name);
	return add(several, name, 0, diag);
}

int several_open(struct several *several, struct diag *diag)
{
	struct interface interface;
	struct diag found = {};
	int error = 0;

	several->many = several->all;
	if (several->all)
		return add_all(several, diag);
	if (strchr(several->named, ','))
		error = interface_find(&interface, several->named, &found);
	if (error && error != -ENODEV) {
		*diag = found;
		return error;
	}
	if (!error)
		return add(several, several->named, 0, diag);
	several->many = true;
	error = 0;
	for (const char *name = several->named; name && !error;) {
		const char *comma = strchrnul(name, ',');
		_cleanup_free_ char *one = strndup(name, comma - name);

		error = one ? add_listed(several, one, diag) : diag_no_memory(diag);
		name = *comma ? comma + 1 : NULL;
	}
	return error;
}

void several_close(struct several *several)
{
	while (several->count)
		free(several->one[--several->count].name);
	free(several->one);
	json_decref(several->reports);
}

static void tell(struct diag *diag)
{
	text_clean(diag->text);
	fprintf(stderr, "flagfilter: %s\n%s", diag->text, diag->details);
}

static int report_failure(struct several *several, const char *interface, const struct diag *diag)
{
	char name[IF_NAMESIZE], text[sizeof(diag->text)];

	snprintf(name, sizeof(name), "%s", interface);
	memcpy(text, diag->text, sizeof(text));
	text_clean(name);
	text_clean(text);
	return several_report(several, json_pack("{ss ss}", "interface", name, "error", text));
}

/* Each of several failures is told, but not what was told just before, as of arguments that are wrong for all. */
static void note_failure(struct several *several, const char *interface, struct diag *here, struct diag *diag)
{
	report_failure(several, interface, here);
	if (*diag->text && strcmp(diag->text, here->text))
		tell(diag);
	*diag = *here;
}

/* With --all, one that has got another name since it was listed is done by that name. */
static int do_one(struct several *several, const struct several_one *one, several_work *work, void *context,
		  struct diag *diag)
{
	char name[IF_NAMESIZE];
	int error;

	if (!several->all)
		return work(several, one->name, context, diag);
	snprintf(name, sizeof(name), "%s", one->name);
	for (int tries = 0; tries < 10; tries++) {
		char now[IF_NAMESIZE];

		*diag = (struct diag){};
		error = work(several, name, context, diag);
		if (error != -ENOENT && error != -ENODEV)
			break;
		if (!if_indextoname(one->ifindex, now))
			return errno == ENXIO ? error
					      : diag_fail(diag, -EIO, "cannot look for %s: %s", name, strerror(errno));
		if (!strcmp(now, name))
			break;
		memcpy(name, now, sizeof(name));
	}
	return error;
}

int several_do(struct several *several, several_work *work, void *context, struct diag *diag)
{
	int result = 0;
	bool usage = true;
	sigset_t pipe, before;

	if (!several->many)
		return work(several, several->one->name, context, diag);
	/* Who reads no further does not keep the others from being done: a SIGPIPE waits until all are. */
	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	sigprocmask(SIG_BLOCK, &pipe, &before);
	for (unsigned int i = 0; i < several->count; i++) {
		const struct several_one *one = &several->one[i];
		struct diag here = {};
		int error = do_one(several, one, work, context, &here);

		several->done += !error;
		if (!error || (several->all && (error == -ENOENT || error == -ENODEV)))
			continue; /* done, or no filter is there, or the interface is gone meanwhile */
		note_failure(several, one->name, &here, diag);
		usage &= here.usage;
		result = error;
	}
	diag->usage = usage && !several->done && result;
	sigprocmask(SIG_SETMASK, &before, NULL);
	return result;
}

int several_report(struct several *several, json_t *object)
{
	if (!several->many)
		return output_json(stdout, object);
	if (!several->reports)
		several->reports = json_array();
	json_object_del(object, "schema"); /* of all of them */
	return json_array_append_new(several->reports, object) ? -ENOMEM : 0;
}

void several_head(const struct several *several, const char *interface)
{
	if (several->many)
		printf("%s%s\n", several->done ? "\n" : "", interface);
}

int several_end(struct several *several, bool json, int error)
{
	int failed = 0;

	if (!several->many)
		return error;
	if (json) {
		failed = output_json(stdout,
				     json_pack("{si so}", "schema", 1, "interfaces", several->reports ?: json_array()));
		several->reports = NULL;
	} else if (!several->done && !error) {
		printf("attached nowhere in this network namespace\n");
	}
	return error ?: failed;
}
