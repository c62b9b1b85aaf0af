/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Policy files. They are read by libyaml's document tree, not by libcyaml, which forgets the line of a value once it is
 * loaded: here every mistake is one line that names the file, the line and the offending text.
 */
#include "policy/file.h"

#include "base/cleanup.h"
#include "base/text.h"
#include "policy/syntax.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <yaml.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define FILE_SIZE_MAX (1024 * 1024) /* all ports take less than half of it */
#define DEPTH_MAX 16		    /* of nesting; a policy needs 3. libyaml's time grows with its square */

struct reader {
	const char *name; /* of the file, in messages */
	yaml_document_t *document;
	struct policy *policy;
	struct diag *diag;
	unsigned int named; /* rules that the file has named so far: */
	struct {
		char name[FF_NAME_SIZE];
		size_t line;
	} naming[FF_RULES_MAX];
};

static size_t line_of(const yaml_node_t *node)
{
	return node->start_mark.line + 1;
}

static int __attribute__((format(printf, 3, 4))) fail(struct reader *r, size_t line, const char *format, ...)
{
	char text[sizeof(r->diag->text)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return diag_usage(r->diag, "%s:%zu: %s", r->name, line, text);
}

/*
 * The tree: what kind of node, and which keys a mapping may have.
 */

static const char *kind_name(yaml_node_type_t type)
{
	return type == YAML_MAPPING_NODE ? "a mapping" : type == YAML_SEQUENCE_NODE ? "a list" : "a single value";
}

static bool is_null(const yaml_node_t *node)
{
	return node->type == YAML_SCALAR_NODE && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
	       (!node->data.scalar.length || !strcmp((const char *)node->data.scalar.value, "null") ||
		!strcmp((const char *)node->data.scalar.value, "~"));
}

/* Whether NODE, which WHAT names, is of TYPE; a single value is then also a string without NUL bytes. */
static int expect(struct reader *r, const yaml_node_t *node, yaml_node_type_t type, const char *what)
{
	const char *value = (const char *)node->data.scalar.value;

	if (node->type != type && node->type == YAML_SCALAR_NODE)
		return fail(r, line_of(node), "%s must be %s, not %s", what, kind_name(type),
			    quote_length(value, node->data.scalar.length).text);
	if (node->type != type)
		return fail(r, line_of(node), "%s must be %s, not %s", what, kind_name(type), kind_name(node->type));
	if (type == YAML_SCALAR_NODE && strlen(value) != node->data.scalar.length)
		return fail(r, line_of(node), "NUL byte in %s", quote_length(value, node->data.scalar.length).text);
	return 0;
}

static const char *text_of(const yaml_node_t *node)
{
	return (const char *)node->data.scalar.value;
}

struct key {
	const char *name;
	yaml_node_type_t type; /* of its value */
};

static int unknown_key(struct reader *r, const yaml_node_t *node, const char *what, const struct key *key, size_t keys)
{
	char known[64] = "";

	for (size_t i = 0; i < keys; i++)
		sprintf(known + strlen(known), "%s%s", i ? ", " : "", key[i].name);
	return fail(r, line_of(node), "unknown key %s in %s: it can have %s", quote(text_of(node)).text, what, known);
}

/*
 * Takes the mapping NODE apart: VALUE[i] is what KEY[i] has, NULL if it is not there. A list or mapping may be left
 * empty.
 */
static int read_mapping(struct reader *r, yaml_node_t *node, const char *what, const struct key *key, size_t keys,
			yaml_node_t **value)
{
	const yaml_node_t *line[8] = {};
	size_t i;
	int error;

	if ((error = expect(r, node, YAML_MAPPING_NODE, what)))
		return error;
	for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top;
	     pair++) {
		const yaml_node_t *name = yaml_document_get_node(r->document, pair->key);
		yaml_node_t *content = yaml_document_get_node(r->document, pair->value);

		if ((error = expect(r, name, YAML_SCALAR_NODE, "a key")))
			return error;
		for (i = 0; i < keys && strcmp(key[i].name, text_of(name)); i++)
			;
		if (i == keys)
			return unknown_key(r, name, what, key, keys);
		if (line[i])
			return fail(r, line_of(name), "duplicate key '%s' in %s: already on line %zu", key[i].name,
				    what, line_of(line[i]));
		line[i] = name;
		if (key[i].type != YAML_SCALAR_NODE && is_null(content))
			continue;
		if ((error = expect(r, content, key[i].type, key[i].name)))
			return error;
		value[i] = content;
	}
	return 0;
}

/* Calls READ for every node of the list NODE, which may be NULL. */
static int read_list(struct reader *r, const yaml_node_t *node, int (*read)(struct reader *r, yaml_node_t *node))
{
	int error;

	if (!node)
		return 0;
	for (const yaml_node_item_t *item = node->data.sequence.items.start; item < node->data.sequence.items.top;
	     item++)
		if ((error = read(r, yaml_document_get_node(r->document, *item))))
			return error;
	return 0;
}

/*
 * Rules.
 */

/* Fills RULE with one of the user's own. */
static int read_own_rule(struct reader *r, const yaml_node_t *name, const yaml_node_t *flags, struct ff_rule *rule)
{
	struct diag why;

	*rule = (struct ff_rule){};
	if (syntax_rule_name(text_of(name), rule->name, &why))
		return fail(r, line_of(name), "%s", why.text);
	if (!flags)
		return fail(r, line_of(name),
			    "rule %s is no built-in rule or class, and a rule of your own needs 'flags'",
			    quote(text_of(name)).text);
	return syntax_match(text_of(flags), &rule->value, &rule->mask, &why) ? fail(r, line_of(flags), "%s", why.text)
									     : 0;
}

/* Notes that the file names the rule NAME, once. */
static int note_name(struct reader *r, const yaml_node_t *node, const char *name)
{
	for (unsigned int i = 0; i < r->named; i++)
		if (!strcmp(r->naming[i].name, name))
			return fail(r, line_of(node), "duplicate rule %s: '%s' is already on line %zu",
				    quote(text_of(node)).text, name, r->naming[i].line);
	if (r->named == COUNT(r->naming))
		return fail(r, line_of(node), "rule %s is one too many: a policy has at most %d",
			    quote(text_of(node)).text, FF_RULES_MAX);
	snprintf(r->naming[r->named].name, FF_NAME_SIZE, "%s", name);
	r->naming[r->named++].line = line_of(node);
	return 0;
}

static int read_rule(struct reader *r, yaml_node_t *node)
{
	enum { NAME, FLAGS, MODE, KEYS };
	static const struct key keys[KEYS] = {
		{"name", YAML_SCALAR_NODE}, {"flags", YAML_SCALAR_NODE}, {"mode", YAML_SCALAR_NODE}};
	yaml_node_t *value[KEYS] = {};
	struct ff_rule rule, *present;
	enum ff_mode mode;
	struct diag why;
	int error;

	if ((error = read_mapping(r, node, "a rule", keys, KEYS, value)))
		return error;
	if (!value[NAME])
		return fail(r, line_of(node), "rule without 'name'");
	if (policy_known_rule(text_of(value[NAME]), &rule)) {
		if ((error = read_own_rule(r, value[NAME], value[FLAGS], &rule)))
			return error;
	} else if (value[FLAGS]) {
		return fail(r, line_of(value[FLAGS]), "'%s' is built in, and its flags cannot be changed: remove %s",
			    rule.name, quote(text_of(value[FLAGS])).text);
	}
	if ((error = note_name(r, value[NAME], rule.name)))
		return error;
	if (!value[MODE])
		return fail(r, line_of(node), "rule '%s' without 'mode'", rule.name);
	if (syntax_mode(text_of(value[MODE]), &mode, &why))
		return fail(r, line_of(value[MODE]), "%s", why.text);
	rule.mode = mode;
	present = policy_find(r->policy, rule.name);
	if (present)
		present->mode = mode;
	else if (policy_add(r->policy, &rule))
		return fail(r, line_of(value[NAME]), "rule '%s' is one too many: a policy has at most %d", rule.name,
			    FF_RULES_MAX);
	return 0;
}

/*
 * Exempt sources and ports.
 */

static int read_source(struct reader *r, yaml_node_t *node)
{
	struct policy *policy = r->policy;
	struct ff_source_key source;
	struct diag why;
	int error = expect(r, node, YAML_SCALAR_NODE, "an exempt source");

	if (error)
		return error;
	if (syntax_source(text_of(node), &source, &why))
		return fail(r, line_of(node), "%s", why.text);
	if (policy_find_source(policy, &source))
		return fail(r, line_of(node), "duplicate source %s", quote(text_of(node)).text);
	if (policy->sources == FF_SOURCES_MAX)
		return fail(r, line_of(node), "source %s is one too many: a policy has at most %d",
			    quote(text_of(node)).text, FF_SOURCES_MAX);
	policy->source[policy->sources++] = source;
	return 0;
}

static int read_port(struct reader *r, yaml_node_t *node)
{
	unsigned int port;
	struct diag why;
	int error = expect(r, node, YAML_SCALAR_NODE, "an exempt port");

	if (error)
		return error;
	if (syntax_port(text_of(node), &port, &why))
		return fail(r, line_of(node), "%s", why.text);
	if (policy_port_exempt(r->policy, port))
		return fail(r, line_of(node), "duplicate port '%u'", port);
	policy_flip_port(r->policy, port);
	return 0;
}

static int read_exempt(struct reader *r, yaml_node_t *node)
{
	enum { SOURCES, PORTS, KEYS };
	static const struct key keys[KEYS] = {{"sources", YAML_SEQUENCE_NODE}, {"ports", YAML_SEQUENCE_NODE}};
	yaml_node_t *value[KEYS] = {};
	int error;

	if (!node)
		return 0;
	if ((error = read_mapping(r, node, "exempt", keys, KEYS, value)))
		return error;
	if ((error = read_list(r, value[SOURCES], read_source)))
		return error;
	return read_list(r, value[PORTS], read_port);
}

/*
 * The file.
 */

static int read_preset(struct reader *r, const yaml_node_t *node)
{
	struct diag why;

	if (!node)
		return policy_from_preset(r->policy, NULL, r->diag);
	if (policy_from_preset(r->policy, text_of(node), &why))
		return fail(r, line_of(node), "unknown preset %s: one of %s, %s, %s or %s", quote(text_of(node)).text,
			    preset_name(0), preset_name(1), preset_name(2), preset_name(3));
	return 0;
}

/* The mode of every rule of the preset, however many the preset has in this version. */
static int read_preset_mode(struct reader *r, const yaml_node_t *node)
{
	enum ff_mode mode;
	struct diag why;

	if (!node)
		return 0;
	if (syntax_mode(text_of(node), &mode, &why))
		return fail(r, line_of(node), "%s", why.text);
	for (unsigned int i = 0; i < r->policy->rules; i++)
		r->policy->rule[i].mode = mode;
	return 0;
}

static int read_policy(struct reader *r, yaml_node_t *root)
{
	enum { VERSION, PRESET, MODE, RULES, EXEMPT, KEYS };
	static const struct key keys[KEYS] = {{"version", YAML_SCALAR_NODE},
					      {"preset", YAML_SCALAR_NODE},
					      {"mode", YAML_SCALAR_NODE},
					      {"rules", YAML_SEQUENCE_NODE},
					      {"exempt", YAML_MAPPING_NODE}};
	yaml_node_t *value[KEYS] = {};
	int error;

	if ((error = read_mapping(r, root, "a policy", keys, KEYS, value)))
		return error;
	if (!value[VERSION])
		return fail(r, line_of(root), "no 'version': a policy starts with 'version: 1'");
	if (strcmp(text_of(value[VERSION]), "1"))
		return fail(r, line_of(value[VERSION]), "version %s is not known here: write 'version: 1'",
			    quote(text_of(value[VERSION])).text);
	if ((error = read_preset(r, value[PRESET])))
		return error;
	if ((error = read_preset_mode(r, value[MODE])))
		return error;
	if ((error = read_list(r, value[RULES], read_rule)))
		return error;
	return read_exempt(r, value[EXEMPT]);
}

/* What libyaml itself has to say. */
static int bad_yaml(struct reader *r, const yaml_parser_t *parser, const char *content)
{
	size_t line = parser->problem_mark.line + 1;

	if (parser->error == YAML_MEMORY_ERROR)
		return diag_fail(r->diag, -ENOMEM, "%s: %s", r->name, strerror(ENOMEM));
	if (parser->error == YAML_READER_ERROR) { /* an offset, no mark */
		line = 1;
		for (size_t i = 0; i < parser->problem_offset && content[i]; i++)
			line += content[i] == '\n';
		if (parser->problem_value != -1)
			return fail(r, line, "not YAML: %s: 0x%02x", parser->problem, parser->problem_value);
	}
	if (parser->context)
		return fail(r, line, "not YAML: %s %s", parser->context, parser->problem);
	return fail(r, line, "not YAML: %s", parser->problem);
}

/* Reads CONTENT event by event: that it is YAML, one document, and not too deep to be loaded. */
static int scan(struct reader *r, yaml_parser_t *parser, const char *content)
{
	unsigned int documents = 0, depth = 0;
	yaml_event_t event;
	size_t line;

	for (bool end = false; !end; yaml_event_delete(&event)) {
		if (!yaml_parser_parse(parser, &event))
			return bad_yaml(r, parser, content);
		documents += event.type == YAML_DOCUMENT_START_EVENT;
		depth += event.type == YAML_SEQUENCE_START_EVENT || event.type == YAML_MAPPING_START_EVENT;
		depth -= event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT;
		line = event.start_mark.line + 1;
		end = event.type == YAML_STREAM_END_EVENT || documents > 1 || depth > DEPTH_MAX;
	}
	if (documents > 1)
		return fail(r, line, "a second document begins here: a policy file has one");
	if (depth > DEPTH_MAX)
		return fail(r, line, "nested too deep: no policy is");
	return 0;
}

static int load(struct reader *r, yaml_parser_t *parser, const char *content)
{
	yaml_document_t document;
	yaml_node_t *root;
	int error;

	if (!yaml_parser_load(parser, &document))
		return bad_yaml(r, parser, content);
	r->document = &document;
	root = yaml_document_get_root_node(&document);
	if (root && !is_null(root))
		error = read_policy(r, root);
	else
		error = fail(r, 1, "empty: a policy starts with 'version: 1'");
	yaml_document_delete(&document);
	r->document = NULL;
	return error;
}

/* Calls STEP with a parser that stands at the beginning of CONTENT. */
static int parse(struct reader *r, const char *content, size_t size,
		 int (*step)(struct reader *r, yaml_parser_t *parser, const char *content))
{
	yaml_parser_t parser;
	int error;

	if (!yaml_parser_initialize(&parser))
		return diag_fail(r->diag, -ENOMEM, "%s: %s", r->name, strerror(ENOMEM));
	yaml_parser_set_input_string(&parser, (const unsigned char *)content, size);
	error = step(r, &parser, content);
	yaml_parser_delete(&parser);
	return error;
}

static const char *name_of(const char *path)
{
	return strcmp(path, "-") ? path : "<stdin>";
}

int policy_open(FILE **file, const char *path, struct diag *diag)
{
	FILE *opened = strcmp(path, "-") ? fopen(path, "re") : fdopen(dup(STDIN_FILENO), "r");

	if (!opened)
		return diag_fail(diag, -errno, "%s: %s", name_of(path), strerror(errno));
	*file = opened;
	return 0;
}

/* All of FILE, *SIZE bytes, and a NUL behind it. */
static int read_file(FILE *file, const char *name, char content[FILE_SIZE_MAX + 2], size_t *size, struct diag *diag)
{
	size_t length;

	errno = 0;
	length = fread(content, 1, FILE_SIZE_MAX + 1, file);
	if (ferror(file))
		return diag_fail(diag, errno ? -errno : -EIO, "%s: %s", name, strerror(errno ? errno : EIO));
	if (length > FILE_SIZE_MAX)
		return diag_usage(diag, "%s:1: larger than %d bytes: no policy is", name, FILE_SIZE_MAX);
	content[length] = '\0';
	*size = length;
	return 0;
}

/* The end of PATH is what tells policies apart. */
static void set_label(struct policy *policy, const char *path)
{
	size_t length = strlen(path), room = sizeof(policy->label) - 1;

	if (length <= room)
		snprintf(policy->label, sizeof(policy->label), "%s", path);
	else
		snprintf(policy->label, sizeof(policy->label), "...%s", path + length - (room - strlen("...")));
	text_clean(policy->label);
}

int policy_read(struct policy *policy, FILE *file, const char *path, struct diag *diag)
{
	struct policy parsed = {};
	struct reader reader = {.name = name_of(path), .policy = &parsed, .diag = diag};
	char *content = malloc(FILE_SIZE_MAX + 2);
	size_t size = 0;
	int error;

	if (!content)
		return diag_fail(diag, -ENOMEM, "%s: %s", reader.name, strerror(ENOMEM));
	error = read_file(file, reader.name, content, &size, diag);
	if (!error)
		error = parse(&reader, content, size, scan);
	if (!error)
		error = parse(&reader, content, size, load);
	free(content);
	if (error)
		return error;
	set_label(&parsed, reader.name);
	*policy = parsed;
	return 0;
}

int policy_from_file(struct policy *policy, const char *path, struct diag *diag)
{
	_cleanup_file_ FILE *file = NULL;
	int error = policy_open(&file, path, diag);

	return error ? error : policy_read(policy, file, path, diag);
}

int policy_from_options(struct policy *policy, const char *path, const char *preset, struct diag *diag)
{
	if (path && preset)
		return diag_usage(diag, "--policy and --preset exclude each other: a policy file can name a preset");
	if (path)
		return policy_from_file(policy, path, diag);
	return policy_from_preset(policy, preset, diag);
}
