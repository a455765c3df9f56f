// SPDX-License-Identifier: Apache-2.0
/* How fast the host's time stamp counter runs, for guests that cannot find out themselves. */
#ifndef ISLET_HV_QEMU_TSC_H
#define ISLET_HV_QEMU_TSC_H

#include <stdint.h>

/* kHz, within about 0.01 %; takes 5 ms. */
uint64_t tsc_khz(void);

#endif
