/* The loop as bytes, for the program that loads it into the engine. */
    .section .note.GNU-stack,"",@progbits
    .section .rodata
    .globl guest_loop_begin, guest_loop_end
guest_loop_begin:
#include "guest_loop.inc"
    hlt
guest_loop_end:
