// The guest's voice: a debug port that takes one byte at a time. Every byte is an exit to the
// hypervisor, so guests say little.
#pragma once

#include "machine.h"

void print(const char* text);
void print_u64(u64 value);
void print_hex(u64 value);
/// "text value\n": the shape of nearly every line.
void print_value(const char* text, u64 value);

/// Ends the program: tells the exit port and never returns.
_Noreturn void guest_exit(u32 code);
/// Prints "PANIC: text", exits with code 1. For a world that is not as it must be.
_Noreturn void panic(const char* text);
_Noreturn void panic_value(const char* text, u64 value);
