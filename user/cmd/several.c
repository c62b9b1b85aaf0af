/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cmd/several.h"

#include "base/text.h"
#include "kernel/interface.h"
#include "show/output.h"
#include <errno.h>
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

static int add(struct several *several, const char *name, struct diag *diag)
{
	char **grown = reallocarray(several->name, several->count + 1, sizeof(*grown));

	if (grown)
		several->name = grown;
	if (!grown || !(grown[several->count] = strdup(name)))
		return diag_no_memory(diag);
	several->count++;
	return 0;
}

static int add_all(struct several *several, struct diag *diag)
{
	_cleanup_(interfaces_free) struct interfaces interfaces = INTERFACES_NONE;
	int error = interfaces_with_xdp(&interfaces, diag);

	for (unsigned int i = 0; i < interfaces.count && !error; i++)
		error = add(several, interfaces.interface[i].name, diag);
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
		if (!strcmp(several->name[i], name))
			return diag_usage(diag, "'%.80s': %.40s is named twice", several->named, name);
	return add(several, name, diag);
}

int several_open(struct several *several, struct diag *diag)
{
	struct interface interface;
	struct diag ignored = {};
	int error = 0;

	several->many = several->all;
	if (several->all)
		return add_all(several, diag);
	if (!strchr(several->named, ',') || !interface_find(&interface, several->named, &ignored))
		return add(several, several->named, diag);
	several->many = true;
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
		free(several->name[--several->count]);
	free(several->name);
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

int several_do(struct several *several, several_work *work, void *context, struct diag *diag)
{
	int result = 0;
	bool usage = true;

	if (!several->many)
		return work(several, several->name[0], context, diag);
	for (unsigned int i = 0; i < several->count; i++) {
		struct diag here = {};
		int error = work(several, several->name[i], context, &here);

		several->done += !error;
		if (!error || (several->all && (error == -ENOENT || error == -ENODEV)))
			continue; /* done, or no filter is there, or the interface is gone meanwhile */
		note_failure(several, several->name[i], &here, diag);
		usage &= here.usage;
		result = error;
		if (error == -EPERM || error == -EACCES)
			break; /* nor would it be allowed for the others */
	}
	diag->usage = usage && !several->done && result;
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
