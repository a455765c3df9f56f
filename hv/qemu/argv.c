// SPDX-License-Identifier: Apache-2.0
/*
 * See argv.h. The machine is `microvm` with hardware-reduced ACPI: virtio-mmio devices found through
 * ACPI (LNRO0005), one serial port for the kernel's log, no PCI, no disk, no network card. Why each
 * odd option:
 *
 * rtc=on: without one, a stock kernel waits a second for the clock's update bit each of the three
 *   times that it looks.
 * force-legacy=false: QEMU's virtio-mmio is the legacy one by default, and vhost-user back ends
 *   then abort.
 * tsc_early_khz (emulated): reduced ACPI means no PIT, and TCG has no kvmclock: without it the
 *   kernel hangs after "tsc: Unable to calibrate against PIT". TCG's TSC is the host's.
 * -cpu without la57 (emulated): five levels of page tables are walked in software.
 * -no-reboot and reboot=t, panic=-1: reset and panic end the VM at once, as a SHUTDOWN event.
 * mitigations are the guest kernel's own choice.
 *
 * Numbers of fds are those in QEMU's process.
 */
#include "hv/qemu/argv.h"

#include <stdarg.h>
#include <string.h>

#include "base/own.h"

#define CMDLINE_MAX 2047 /* COMMAND_LINE_SIZE of x86 less the NUL */
#define MIB (1024u * 1024)

void argv_add(struct argv *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    a->v = mem_grow(a->v, a->n + 2, sizeof(*a->v));
    a->v[a->n++] = str_vfmt(fmt, ap);
    a->v[a->n] = NULL;
    va_end(ap);
}

void argv_release(struct argv *a)
{
    for (size_t i = 0; i < a->n; i++)
        mem_free(a->v[i]);
    mem_free(a->v);
    *a = (struct argv){0};
}

int qemu_cmdline(const struct qemu_plan *p, char **ret, struct err *e)
{
    autofree char *tsc = p->accel == VM_ACCEL_EMULATED
                                 ? str_fmt(" tsc_early_khz=%llu", (unsigned long long)p->tsc_khz)
                                 : str_dup("");
    bool has_extra = p->cmdline_extra && *p->cmdline_extra;
    autofree char *line = str_fmt("console=ttyS0 quiet loglevel=3 reboot=t panic=-1 no_timer_check "
                                  "random.trust_cpu=on cryptomgr.notests%s%s%s",
            tsc, has_extra ? " " : "", has_extra ? p->cmdline_extra : "");
    if (strlen(line) > CMDLINE_MAX)
        return err_set(e, ERR_CONFIG, "kernel command line has %zu bytes, at most %d fit",
                strlen(line), CMDLINE_MAX);
    *ret = steal_ptr(line);
    return 0;
}

/* In QEMU's options a comma ends a value; names of ours have none, and strange ones lose theirs. */
static char *plain_name(const char *name)
{
    char *s = str_dup(name);
    for (char *p = s; *p; p++)
        if (*p == ',' || *p == '=' || (unsigned char)*p < 0x20)
            *p = '_';
    return s;
}

static void add_machine(struct argv *a, const struct qemu_plan *p)
{
    bool is_kvm = p->accel == VM_ACCEL_KVM;
    unsigned mib = (unsigned)(p->memory / MIB);
    argv_add(a, "-M");
    argv_add(a, "microvm,acpi=on,rtc=on,x-option-roms=off,memory-backend=mem");
    argv_add(a, "-accel");
    argv_add(a, "%s", is_kvm ? "kvm" : "tcg,thread=multi");
    argv_add(a, "-cpu");
    argv_add(a, "%s", is_kvm ? "host" : "max,la57=off");
    argv_add(a, "-smp");
    argv_add(a, "%u", p->vcpus);
    argv_add(a, "-m");
    argv_add(a, "%uM", mib);
    argv_add(a, "-object");
    argv_add(a, "memory-backend-memfd,id=mem,size=%uM,share=on", mib);
    argv_add(a, "-global");
    argv_add(a, "virtio-mmio.force-legacy=false");
}

static void add_devices(struct argv *a, const struct qemu_plan *p)
{
    argv_add(a, "-chardev");
    argv_add(a, "socket,id=qmp,fd=%d", p->qmp_fd);
    argv_add(a, "-mon");
    argv_add(a, "chardev=qmp,mode=control");
    argv_add(a, "-chardev");
    argv_add(a, "socket,id=console,fd=%d", p->console_fd);
    argv_add(a, "-serial");
    argv_add(a, "chardev:console");
    argv_add(a, "-object");
    argv_add(a, "rng-builtin,id=rng");
    argv_add(a, "-device");
    argv_add(a, "virtio-rng-device,rng=rng");
    argv_add(a, "-device");
    argv_add(a, "virtio-serial-device,max_ports=2");
    argv_add(a, "-chardev");
    argv_add(a, "socket,id=channel,fd=%d", p->channel_fd);
    argv_add(a, "-device");
    argv_add(a, "virtserialport,chardev=channel,nr=1,name=" VM_CHANNEL_NAME);
    if (p->fs_fd < 0)
        return;
    argv_add(a, "-chardev");
    argv_add(a, "socket,id=fs,fd=%d", p->fs_fd);
    argv_add(a, "-device");
    argv_add(a, "vhost-user-fs-device,chardev=fs,queue-size=1024,tag=" VM_SHARE_TAG);
}

int qemu_argv(const struct qemu_plan *p, struct argv *ret, struct err *e)
{
    autofree char *cmdline = NULL;
    if (qemu_cmdline(p, &cmdline, e) < 0)
        return -1;
    struct argv a = {0};
    autofree char *name = plain_name(p->name);
    argv_add(&a, "%s", p->program);
    argv_add(&a, "-name");
    argv_add(&a, "islet-%s", name);
    argv_add(&a, "-nodefaults");
    argv_add(&a, "-no-user-config");
    argv_add(&a, "-no-reboot");
    argv_add(&a, "-display");
    argv_add(&a, "none");
    argv_add(&a, "-sandbox");
    argv_add(&a, "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
    add_machine(&a, p);
    argv_add(&a, "-kernel");
    argv_add(&a, "%s", p->kernel);
    argv_add(&a, "-initrd");
    argv_add(&a, "%s", p->initramfs);
    argv_add(&a, "-append");
    argv_add(&a, "%s", cmdline);
    add_devices(&a, p);
    *ret = a;
    return 0;
}
