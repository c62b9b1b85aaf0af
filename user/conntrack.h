/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The second opinion: what Linux' own connection tracking makes of a segment's flags. */
#ifndef CONNTRACK_H
#define CONNTRACK_H

#include "flagfilter.h"

/* Whether nf_conntrack calls a segment with FLAGS invalid for its flags alone, whatever its connection. */
bool conntrack_invalid(__u16 flags);

#endif
