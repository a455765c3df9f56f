// SPDX-License-Identifier: Apache-2.0
/*
 * System calls without libc: each returns the kernel's value, negative errno on failure (the one
 * place where that convention holds; it is the kernel's). One stub per architecture; syscall
 * numbers and structs are from the kernel's headers.
 */
#ifndef ISLET_RUNTIME_STAGE_SYS_H
#define ISLET_RUNTIME_STAGE_SYS_H

#include <asm/unistd.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
static inline long sys6(long n, long a, long b, long c, long d, long f, long g)
{
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = f;
    register long r9 __asm__("r9") = g;
    long ret;
    __asm__ volatile("syscall"
                     : "=a"(ret)
                     : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return ret;
}
#elif defined(__aarch64__)
static inline long sys6(long n, long a, long b, long c, long d, long f, long g)
{
    register long x8 __asm__("x8") = n;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = f;
    register long x5 __asm__("x5") = g;
    __asm__ volatile("svc 0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
}
#else
#error "the stage knows no system calls of this architecture yet: add sys6() and _start"
#endif

#define SYS_PTR(p) ((long)(uintptr_t)(p))
#define sys0(n) sys6((n), 0, 0, 0, 0, 0, 0)
#define sys1(n, a) sys6((n), (long)(a), 0, 0, 0, 0, 0)
#define sys2(n, a, b) sys6((n), (long)(a), (long)(b), 0, 0, 0, 0)
#define sys3(n, a, b, c) sys6((n), (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define sys4(n, a, b, c, d) sys6((n), (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define sys5(n, a, b, c, d, f) sys6((n), (long)(a), (long)(b), (long)(c), (long)(d), (long)(f), 0)

#endif
