// SPDX-License-Identifier: Apache-2.0
/*
 * See bzimage.h. Sources: Linux Documentation/arch/x86/boot.rst (setup header: fields and their
 * offsets, payload since protocol 2.08, kernel_version since 2.00), elf(5), and
 * include/xen/interface/elfnote.h (note type 18, owner "Xen").
 */
#include "hv/boot/bzimage.h"

#include <elf.h>
#include <string.h>

#define SECTOR 512u
#define OFF_SETUP_SECTS 0x1f1
#define OFF_BOOT_FLAG 0x1fe
#define OFF_MAGIC 0x202
#define OFF_VERSION 0x206
#define OFF_KERNEL_VERSION 0x20e
#define OFF_PAYLOAD 0x248
#define OFF_PAYLOAD_LEN 0x24c
#define HEADER_MIN 0x250 /* all of the above */

#define XEN_ELFNOTE_PHYS32_ENTRY 18

static uint16_t le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t le32(const uint8_t *p)
{
    return le16(p) | (uint32_t)le16(p + 2) << 16;
}

static bool is_release_char(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '-' || c == '_' || c == '+' || c == '~';
}

/* The first word of the version string. It becomes part of paths, hence the narrow alphabet. */
static int parse_release(const uint8_t *head, size_t len, char *ret, size_t room, struct err *e)
{
    size_t at = le16(head + OFF_KERNEL_VERSION);
    size_t n = 0;
    if (at == 0)
        return err_set(e, ERR_CONFIG, "kernel image has no version string");
    at += 0x200;
    while (at + n < len && n + 1 < room && is_release_char(head[at + n])) {
        ret[n] = (char)head[at + n];
        n++;
    }
    ret[n] = '\0';
    bool is_ended = at + n < len && (head[at + n] == ' ' || head[at + n] == '\0');
    if (n == 0 || !is_ended || ret[0] == '.' || ret[0] == '-')
        return err_set(e, ERR_CONFIG, "kernel image has a damaged version string");
    return 0;
}

int bzimage_parse(const void *head, size_t len, uint64_t file_size, struct bzimage *ret,
        struct err *e)
{
    const uint8_t *p = head;
    if (len < HEADER_MIN || le16(p + OFF_BOOT_FLAG) != 0xaa55 ||
            memcmp(p + OFF_MAGIC, "HdrS", 4) != 0)
        return err_set(e, ERR_CONFIG, "not a Linux kernel image (bzImage)");
    struct bzimage out = {0};
    size_t sects = p[OFF_SETUP_SECTS] ? p[OFF_SETUP_SECTS] : 4;
    size_t setup = (sects + 1) * SECTOR;
    if (setup > file_size)
        return err_set(e, ERR_CONFIG, "kernel image is cut short");
    if (parse_release(p, len < setup ? len : setup, out.release, sizeof(out.release), e) < 0)
        return -1;
    if (le16(p + OFF_VERSION) >= 0x0208) {
        out.payload_offset = setup + (uint64_t)le32(p + OFF_PAYLOAD);
        out.payload_length = le32(p + OFF_PAYLOAD_LEN);
        if (out.payload_offset > file_size || out.payload_length > file_size - out.payload_offset)
            return err_set(e, ERR_CONFIG,
                    "kernel image is cut short: %llu bytes at %llu are missing",
                    (unsigned long long)out.payload_length, (unsigned long long)out.payload_offset);
    }
    *ret = out;
    return 0;
}

/* Notes are {name size, descriptor size, type} and two blobs, each padded to 4 bytes. */
static bool notes_have_pvh(const uint8_t *p, uint64_t len)
{
    uint64_t at = 0;
    while (len - at >= 12) {
        uint64_t name_len = le32(p + at);
        uint64_t desc_len = le32(p + at + 4);
        uint32_t type = le32(p + at + 8);
        uint64_t name_room = (name_len + 3) & ~3ull;
        uint64_t desc_room = (desc_len + 3) & ~3ull;
        at += 12;
        if (name_room > len - at || desc_len > len - at - name_room)
            return false;
        if (type == XEN_ELFNOTE_PHYS32_ENTRY && name_len == 4 && desc_len >= 4 &&
                memcmp(p + at, "Xen", 4) == 0)
            return true;
        at += name_room;
        at += desc_room < len - at ? desc_room : len - at;
    }
    return false;
}

int bzimage_elf_pvh(const void *elf, size_t len, bool *ret_pvh, struct err *e)
{
    const uint8_t *p = elf;
    Elf64_Ehdr eh;
    if (len < sizeof(eh))
        return err_set(e, ERR_CONFIG, "not an ELF file");
    memcpy(&eh, p, sizeof(eh));
    if (memcmp(eh.e_ident, ELFMAG, SELFMAG) != 0 || eh.e_ident[EI_CLASS] != ELFCLASS64 ||
            eh.e_ident[EI_DATA] != ELFDATA2LSB || eh.e_machine != EM_X86_64)
        return err_set(e, ERR_CONFIG, "not an x86-64 ELF file");
    if (eh.e_phentsize != sizeof(Elf64_Phdr) || eh.e_phnum == 0 || eh.e_phoff > len ||
            (uint64_t)eh.e_phnum * sizeof(Elf64_Phdr) > len - eh.e_phoff)
        return err_set(e, ERR_CONFIG, "ELF program headers are beyond the end of the file");
    bool is_pvh = false;
    for (size_t i = 0; i < eh.e_phnum; i++) {
        Elf64_Phdr ph;
        memcpy(&ph, p + eh.e_phoff + i * sizeof(ph), sizeof(ph));
        if (ph.p_type != PT_LOAD && ph.p_type != PT_NOTE)
            continue;
        if (ph.p_offset > len || ph.p_filesz > len - ph.p_offset)
            return err_set(e, ERR_CONFIG, "ELF segment %zu is beyond the end of the file", i);
        if (ph.p_type == PT_NOTE && notes_have_pvh(p + ph.p_offset, ph.p_filesz))
            is_pvh = true;
    }
    *ret_pvh = is_pvh;
    return 0;
}
