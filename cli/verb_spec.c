// SPDX-License-Identifier: Apache-2.0
/* spec and features: documents that the runtime makes, written out. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/json.h"
#include "base/own.h"
#include "cli/out.h"
#include "cli/verbs.h"

struct spec_values {
    const char *bundle;
};
const struct opt cli_spec_opts[] = {
        OPT_STR("bundle", 'b', struct spec_values, bundle, 0, "DIR",
                "the bundle (default: the current directory)"),
        OPT_END,
};

static int write_config(int dir, const char *bundle, struct err *e)
{
    autoclose int fd =
            openat(dir, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0666);
    if (fd < 0 && errno == EEXIST)
        return err_set(e, ERR_EXISTS, "file '%s/config.json' exists; remove it first", bundle);
    if (fd < 0)
        return err_sys(e, "create '%s/config.json'", bundle);
    json_t *config = rt_default_config();
    autofree char *text = json_text(config, true);
    json_decref(config);
    autofree char *whole = str_fmt("%s%s", text, text[strlen(text) - 1] == '\n' ? "" : "\n");
    if (fd_write_all(fd, whole, strlen(whole), e) < 0) {
        (void)unlinkat(dir, "config.json", 0); /* half a document is worse than none */
        return err_add(e, "write '%s/config.json'", bundle);
    }
    return 0;
}

int cli_spec(const struct cli_call *call, struct err *e)
{
    const struct spec_values *v = call->values;
    const char *bundle = v->bundle && *v->bundle ? v->bundle : ".";
    autoclose int dir = open(bundle, O_DIRECTORY | O_PATH | O_CLOEXEC);
    if (dir < 0)
        return err_sys(e, "open bundle '%s'", bundle);
    return write_config(dir, bundle, e);
}

int cli_features(const struct cli_call *call, struct err *e)
{
    (void)call; /* the same for every context */
    json_t *o = rt_features();
    int rc = out_json(o, OUT_JSON_PRETTY, e);
    json_decref(o);
    return rc;
}
