/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Policy files, written. */
#ifndef POLICY_WRITE_H
#define POLICY_WRITE_H

#include "policy/policy.h"
#include <stdio.h>

/* POLICY as a policy file. What policy_from_file() makes of it is the same, but for the label. -EIO */
int policy_write(FILE *out, const struct policy *policy);

#endif
