// SPDX-License-Identifier: Apache-2.0
/* hv/boot/bzimage.h on crafted headers: what is read, and that nothing beyond the bytes is. */
#include <elf.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka.h needs setjmp.h and stdarg.h before it. */
/* clang-format off */
#include <cmocka.h>
/* clang-format on */

#include "base/own.h"
#include "hv/boot/bzimage.h"

#define FILE_SIZE 40000u

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static void put32(uint8_t *p, uint32_t v)
{
    put16(p, v & 0xffff);
    put16(p + 2, v >> 16);
}

/* A setup part of two sectors after the first, a version string at 0x300, a payload. */
static uint8_t *image_new(void)
{
    uint8_t *p = mem_new(FILE_SIZE, 1);
    p[0x1f1] = 2;
    put16(p + 0x1fe, 0xaa55);
    memcpy(p + 0x202, "HdrS", 4);
    put16(p + 0x206, 0x020f);
    put16(p + 0x20e, 0x100);
    memcpy(p + 0x300, "6.1.0-9-cloud-amd64 (somebody) #1", 33);
    put32(p + 0x248, 1000);
    put32(p + 0x24c, 5000);
    return p;
}

static void test_bzimage_reads_release_and_payload(void **state)
{
    struct bzimage b;
    struct err e;
    (void)state;
    autofree uint8_t *p = image_new();
    assert_int_equal(bzimage_parse(p, FILE_SIZE, FILE_SIZE, &b, &e), 0);
    assert_string_equal(b.release, "6.1.0-9-cloud-amd64");
    assert_int_equal(b.payload_offset, 3 * 512 + 1000);
    assert_int_equal(b.payload_length, 5000);
}

static void test_bzimage_without_payload_fields_is_still_an_image(void **state)
{
    struct bzimage b;
    struct err e;
    (void)state;
    autofree uint8_t *p = image_new();
    put16(p + 0x206, 0x0207);
    assert_int_equal(bzimage_parse(p, FILE_SIZE, FILE_SIZE, &b, &e), 0);
    assert_int_equal(b.payload_length, 0);
}

static void test_bzimage_refuses_what_reaches_beyond_the_file(void **state)
{
    struct bzimage b;
    struct err e;
    (void)state;
    autofree uint8_t *p = image_new();
    assert_int_equal(bzimage_parse(p, FILE_SIZE, 3 * 512 + 5999, &b, &e), -1);
    assert_int_equal(bzimage_parse(p, FILE_SIZE, 3 * 512 + 6000, &b, &e), 0);
    put32(p + 0x248, 0xffffffff);
    assert_int_equal(bzimage_parse(p, FILE_SIZE, FILE_SIZE, &b, &e), -1);
    put32(p + 0x248, 0);
    put32(p + 0x24c, 0xffffffff);
    assert_int_equal(bzimage_parse(p, FILE_SIZE, FILE_SIZE, &b, &e), -1);
    assert_int_equal(bzimage_parse(p, 0x24f, FILE_SIZE, &b, &e), -1);
    assert_int_equal(bzimage_parse(p, 0, 0, &b, &e), -1);
}

static void test_bzimage_refuses_releases_that_are_no_path_component(void **state)
{
    static const char *const texts[] = {"../6.1 x", "6/1 x", "-6.1 x", " 6.1", ".. x", "6.1\n x",
            ""};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct bzimage b;
        struct err e;
        autofree uint8_t *p = image_new();
        memset(p + 0x300, 0, 64);
        memcpy(p + 0x300, texts[i], strlen(texts[i]));
        assert_int_equal(bzimage_parse(p, FILE_SIZE, FILE_SIZE, &b, &e), -1);
    }
}

static void test_bzimage_version_string_must_end_in_the_setup_part(void **state)
{
    struct bzimage b;
    struct err e;
    (void)state;
    autofree uint8_t *p = image_new();
    put16(p + 0x20e, 3 * 512 - 0x200 - 4);
    memcpy(p + 3 * 512 - 4, "6.1.0 ", 6);
    assert_int_equal(bzimage_parse(p, FILE_SIZE, FILE_SIZE, &b, &e), -1);
    put16(p + 0x20e, 0xffff);
    assert_int_equal(bzimage_parse(p, FILE_SIZE, FILE_SIZE, &b, &e), -1);
}

struct elf {
    Elf64_Ehdr eh;
    Elf64_Phdr ph[2];
    uint32_t note[8];
    uint8_t text[64];
};

static struct elf elf_make(void)
{
    struct elf f = {
            .note = {4, 0, 1, 0x006e6558, 4, 4, 18, 0x006e6558}
    }; /* "Xen" */
    f.eh.e_type = ET_EXEC;
    f.eh.e_machine = EM_X86_64;
    f.eh.e_phoff = offsetof(struct elf, ph);
    f.eh.e_phentsize = sizeof(Elf64_Phdr);
    f.eh.e_phnum = 2;
    f.ph[0] =
            (Elf64_Phdr){.p_type = PT_LOAD, .p_offset = offsetof(struct elf, text), .p_filesz = 64};
    f.ph[1] = (Elf64_Phdr){.p_type = PT_NOTE, .p_offset = offsetof(struct elf, note)};
    memcpy(f.eh.e_ident, ELFMAG, SELFMAG);
    f.eh.e_ident[EI_CLASS] = ELFCLASS64;
    f.eh.e_ident[EI_DATA] = ELFDATA2LSB;
    f.ph[1].p_filesz = 36; /* the descriptor is the first word of the text */
    return f;
}

static void test_bzimage_finds_the_pvh_note(void **state)
{
    struct err e;
    bool has = false;
    (void)state;
    struct elf f = elf_make();
    assert_int_equal(bzimage_elf_pvh(&f, sizeof(f), &has, &e), 0);
    assert_true(has);
    f.note[6] = 17;
    assert_int_equal(bzimage_elf_pvh(&f, sizeof(f), &has, &e), 0);
    assert_false(has);
}

static void test_bzimage_notes_stay_in_their_segment(void **state)
{
    struct err e;
    bool has = true;
    (void)state;
    struct elf f = elf_make();
    f.ph[1].p_filesz = 35;
    assert_int_equal(bzimage_elf_pvh(&f, sizeof(f), &has, &e), 0);
    assert_false(has);
    f = elf_make();
    f.note[0] = 0xfffffffd;
    assert_int_equal(bzimage_elf_pvh(&f, sizeof(f), &has, &e), 0);
    assert_false(has);
    f = elf_make();
    f.note[1] = 0xffffffff;
    assert_int_equal(bzimage_elf_pvh(&f, sizeof(f), &has, &e), 0);
    assert_false(has);
}

static void test_bzimage_refuses_broken_elf(void **state)
{
    struct err e;
    bool has;
    (void)state;
    struct elf f = elf_make();
    assert_int_equal(bzimage_elf_pvh(&f, sizeof(f) - 1, &has, &e), -1);
    assert_int_equal(bzimage_elf_pvh(&f, 10, &has, &e), -1);
    f.ph[0].p_offset = UINT64_MAX - 8;
    assert_int_equal(bzimage_elf_pvh(&f, sizeof(f), &has, &e), -1);
    f = elf_make();
    f.eh.e_phoff = UINT64_MAX;
    assert_int_equal(bzimage_elf_pvh(&f, sizeof(f), &has, &e), -1);
    f = elf_make();
    f.eh.e_phnum = 0xffff;
    assert_int_equal(bzimage_elf_pvh(&f, sizeof(f), &has, &e), -1);
    f = elf_make();
    f.eh.e_machine = EM_AARCH64;
    assert_int_equal(bzimage_elf_pvh(&f, sizeof(f), &has, &e), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_bzimage_reads_release_and_payload),
            cmocka_unit_test(test_bzimage_without_payload_fields_is_still_an_image),
            cmocka_unit_test(test_bzimage_refuses_what_reaches_beyond_the_file),
            cmocka_unit_test(test_bzimage_refuses_releases_that_are_no_path_component),
            cmocka_unit_test(test_bzimage_version_string_must_end_in_the_setup_part),
            cmocka_unit_test(test_bzimage_finds_the_pvh_note),
            cmocka_unit_test(test_bzimage_notes_stay_in_their_segment),
            cmocka_unit_test(test_bzimage_refuses_broken_elf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
