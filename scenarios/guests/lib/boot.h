// Where C begins, and what the loader asked for.
#pragma once

#include "../boot_info.h"
#include "machine.h"

/// The loader's parameters with the program's defaults filled in.
extern struct guest_boot_info boot;

/// What the program does when the loader leaves a parameter at zero.
extern const struct guest_boot_info guest_defaults;
/// The program itself. Returning ends it with exit code 0.
void guest_main(void);
