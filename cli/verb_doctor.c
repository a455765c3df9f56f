// SPDX-License-Identifier: Apache-2.0
/* doctor: what this machine can do for each wall, with remedies. */
#include "cli/out.h"
#include "cli/verbs.h"

enum { DOCTOR_TABLE, DOCTOR_JSON };
static const struct opt_word form_words[] = {
        {"table", DOCTOR_TABLE},
        {"json",  DOCTOR_JSON },
        {NULL,    0           },
};
struct doctor_values {
    int form;
};
const struct opt cli_doctor_opts[] = {
        OPT_WORD("format", 'f', struct doctor_values, form, 0, form_words, "default table"),
        OPT_END,
};

int cli_doctor(const struct cli_call *call, struct err *e)
{
    (void)call;
    return err_set(e, ERR_UNSUPPORTED, "doctor: not there yet");
}
