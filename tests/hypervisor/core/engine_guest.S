# Guest programs for the microkernel's tests on a real engine. Each lies between NAME_begin and
# NAME_end and is copied to guest address kCode; the test has set up long mode, page tables, GDT
# and IDT. Addresses are absolute.

        .section .note.GNU-stack, "", @progbits
        .section .rodata

        .macro  program name
        .balign 16
        .globl  \name\()_begin, \name\()_end
\name\()_begin:
        .endm
        .macro  finish name
\name\()_end:
        .endm
        .macro  set_msr number, low, high=0
        mov     $\number, %ecx
        mov     $\low, %eax
        mov     $\high, %edx
        wrmsr
        .endm

        .set    kHypercallPage, 0x4000
        .set    kSlot2, 0x2200
        .set    kSlot3, 0x2300
        .set    kFlags2, 0x3200
        .set    kInput, 0x5000
        .set    kOutput, 0x6000
        .set    kLog, 0x28000
        .set    kWork, 0x30000
        .set    kResult, 0x38000
        .set    kApicEoi, 0xFEE000B0

# Identity, hypercall page, SynIC with a message SINT (auto-EOI) and a timer SINT, periodic timer.
        .macro  set_up
        set_msr 0x40000000, 0, 0x81000000
        set_msr 0x40000001, kHypercallPage + 1
        set_msr 0x40000083, 0x2001
        set_msr 0x40000082, 0x3001
        set_msr 0x40000092, 0x20040
        set_msr 0x40000093, 0x50
        set_msr 0x40000080, 1
        set_msr 0x400000B0, 0x30003
        set_msr 0x400000B1, 230
        .endm

# Appends RAX to the log of 4096 entries that R15 counts.
        .macro  log
        mov     %r15, %rdi
        and     $0xFFF, %rdi
        mov     %rax, kLog(, %rdi, 8)
        inc     %r15
        .endm

# Works, talks to its parent through the hypercall page, sleeps, and logs every interrupt. The
# handlers' addresses stand in the first two quadwords.
        program talkative
        .quad   on_message - talkative_begin
        .quad   on_timer - talkative_begin
talkative_entry:
        set_up
        sti
1:      inc     %r12
        mov     %r12, %rdi
        and     $0x7FF, %rdi
        mov     %r12, kWork(, %rdi, 8)
        test    $0x3FF, %r12
        jnz     2f
        movl    $1, kInput
        movl    $1, kInput + 8
        movl    $8, kInput + 12
        mov     %r12, kInput + 16
        mov     $0x5C, %ecx
        mov     $kInput, %edx
        xor     %r8d, %r8d
        mov     $kHypercallPage, %eax
        call    *%rax
        mov     %rax, kResult
        mov     $0x1005D, %ecx
        mov     $2, %edx
        mov     $kHypercallPage, %eax
        call    *%rax
        or      %rax, kResult
2:      test    $0x3FFF, %r12
        jnz     1b
        hlt
        jmp     1b

on_message:
        push    %rax
        push    %rcx
        push    %rdx
        push    %rdi
        rdtsc
        shl     $32, %rdx
        or      %rdx, %rax
        log
        mov     kSlot2 + 16, %rax
        log
        xor     %eax, %eax
        xchg    %eax, kFlags2
        log
        movl    $0, kSlot2
        mfence
        testb   $1, kSlot2 + 5
        jz      1f
        set_msr 0x40000084, 0
1:      pop     %rdi
        pop     %rdx
        pop     %rcx
        pop     %rax
        iretq

on_timer:
        push    %rax
        push    %rcx
        push    %rdx
        push    %rdi
        mov     $0x40000020, %ecx
        rdmsr
        shl     $32, %rdx
        or      %rdx, %rax
        log
        mov     kSlot3 + 24, %rax
        log
        movl    $0, kSlot3
        mfence
        testb   $1, kSlot3 + 5
        jz      1f
        set_msr 0x40000084, 0
1:      mov     $kApicEoi, %eax
        movl    $0, (%rax)
        pop     %rdi
        pop     %rdx
        pop     %rcx
        pop     %rax
        iretq
        finish  talkative

# A rep hypercall of 250 elements; the test has laid out its input.
        program lister
        .quad   0, 0
        set_up
        mov     $(250 << 32 | 0x50), %rcx
        mov     $kInput, %edx
        mov     $kOutput, %r8d
        mov     $kHypercallPage, %eax
        call    *%rax
        mov     %rax, kResult
        cli
        hlt
        finish  lister

# Stores to the page in RBX, after reading it.
        program storer
        .quad   0, 0
        mov     (%rbx), %rax
        inc     %rax
        mov     %rax, 8(%rbx)
        cli
        hlt
        finish  storer

# Covers page 0x2000 with the message page, then reads and writes it.
        program coverer
        .quad   0, 0
        set_msr 0x40000083, 0x2001
        mov     0x2010, %rax
        movq    $0x77, 0x2018
        mov     0x2018, %rax
        set_msr 0x40000083, 0
        cli
        hlt
        finish  coverer
