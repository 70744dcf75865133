# Guest programs of the processor's tests. Each lies between NAME_begin and NAME_end and is
# copied to
# guest address 0x10000, so addresses are written relative to its begin.

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

        .set    kCode, 0x10000
        .set    kData, 0x40000
        .set    kStackTop, 0x30000
        .set    kTables, 0x4000

# From 32-bit protected mode without paging to long mode, by the guest's own hands.
        program to_long_mode
        .code32
        mov     %cr4, %eax
        or      $0x20, %eax
        mov     %eax, %cr4
        mov     $kTables, %eax
        mov     %eax, %cr3
        mov     $0xc0000080, %ecx
        rdmsr
        or      $0x901, %eax
        wrmsr
        mov     %cr0, %eax
        or      $0x80010000, %eax
        mov     %eax, %cr0
        ljmp    $0x08, $(kCode + 1f - to_long_mode_begin)
        .code64
1:      mov     $0x1122334455667788, %rax
        mov     %rax, kData
        mov     $0xc0000080, %ecx
        rdmsr
        mov     %eax, kData + 8
        hlt
        finish  to_long_mode

# Counts in a loop with loads, stores, calls and string instructions; ends with HLT.
        program busy
        .code64
        mov     $200, %ecx
1:      push    %rcx
        mov     $kData, %edi
        mov     %rcx, %rax
        imul    $0x1e3779b1, %rax, %rax
        mov     $16, %ecx
        rep stosq
        lea     -128(%rdi), %rsi
        mov     $5, %ecx
        rep movsb
        call    2f
        pop     %rcx
        dec     %ecx
        jnz     1b
        hlt
2:      add     %rax, kData + 0x1000
        adc     $3, %rbx
        cvtsi2sd %rbx, %xmm0
        sqrtsd  %xmm0, %xmm1
        movsd   %xmm1, kData + 0x1008
        fldpi
        fsqrt
        fstpl   kData + 0x1010
        xchg    %rbx, kData + 0xffd
        xchg    %rbx, kData + 0xffd
        rdtsc
        mov     %eax, kData + 0x1018
        mov     $0x40000001, %eax
        push    %rbx
        cpuid
        pop     %rbx
        out     %al, $0x10
        in      $0x11, %al
        ret
        finish  busy

# Entries of 16 bytes for vectors 0 to 31, to be loaded at kCatcher. They leave a report at
# kReport (vector, error code, RIP, CS, RFLAGS, RSP, SS, CR2, RSP inside) and halt.
        .set    kReport, 0x41000
        program catcher
        .code64
        .set    vector, 0
        .rept   32
        .balign 16
        .if     vector == 8 || (vector >= 10 && vector <= 14) || vector == 17
        .else
        push    $0
        .endif
        push    $vector
        jmp     catcher_common
        .set    vector, vector + 1
        .endr
catcher_common:
        mov     %rsp, kReport + 64
        push    %rax
        mov     8(%rsp), %rax
        mov     %rax, kReport
        mov     16(%rsp), %rax
        mov     %rax, kReport + 8
        mov     24(%rsp), %rax
        mov     %rax, kReport + 16
        mov     32(%rsp), %rax
        mov     %rax, kReport + 24
        mov     40(%rsp), %rax
        mov     %rax, kReport + 32
        mov     48(%rsp), %rax
        mov     %rax, kReport + 40
        mov     56(%rsp), %rax
        mov     %rax, kReport + 48
        mov     %cr2, %rax
        mov     %rax, kReport + 56
        pop     %rax
        hlt
        finish  catcher

# A page fault handler that makes the page present and writable and returns to the instruction.
        .set    kLeaves, 0x8000
        program fixer
        .code64
        push    %rax
        mov     %cr2, %rax
        shr     $12, %rax
        orq     $3, kLeaves(, %rax, 8)
        pop     %rax
        add     $8, %rsp
        incq    kData
        iretq
        finish  fixer

# Counts interrupts and returns. R15 collects where they hit.
        program counter
        .code64
        incq    kData
        mov     (%rsp), %r15
        iretq
        finish  counter

# Ring 3 and back: IRETQ to user code, SYSCALL, SYSRET, INT 0x80.
        program rings
        .code64
        mov     $0xc0000081, %ecx       # STAR
        xor     %eax, %eax
        mov     $0x00130008, %edx
        wrmsr
        mov     $0xc0000082, %ecx       # LSTAR
        mov     $(kCode + 2f - rings_begin), %eax
        xor     %edx, %edx
        wrmsr
        mov     $0xc0000084, %ecx       # SFMASK: IF
        mov     $0x200, %eax
        wrmsr
        push    $0x1b
        push    $0x38000
        push    $0x202
        push    $0x23
        push    $(kCode + 1f - rings_begin)
        iretq
1:      mov     %cs, %eax               # user
        mov     %eax, kData
        stc
        syscall
        mov     %cs, %eax
        mov     %eax, kData + 24
        pushfq
        pop     kData + 32
        int     $0x80
        ud2
2:      mov     %cs, %eax               # kernel, from SYSCALL
        mov     %eax, kData + 4
        mov     %ss, %eax
        mov     %eax, kData + 8
        mov     %r11, kData + 40
        pushfq
        pop     kData + 48
        sysretq
        finish  rings

# Stores RBX words of 8 bytes: address and value come in pairs from the list at RSI.
        program store_list
        .code64
1:      lodsq
        mov     %rax, %rdi
        lodsq
        mov     %rax, (%rdi)
        dec     %rbx
        jnz     1b
        hlt
        finish  store_list

# Changes an instruction of its own block, before and behind itself, and counts in RBX.
        program self_modifying
        .code64
        mov     $10, %ecx
1:      incb    (kCode + 2f - self_modifying_begin + 2)
        nop
2:      add     $0, %rbx                # 48 83 c3 ib: the byte behind the opcode is changed below
        incb    (kCode + 2b - self_modifying_begin + 3)
        decb    (kCode + 2b - self_modifying_begin + 2)
        dec     %ecx
        jnz     1b
        hlt
        finish  self_modifying

# x87 and SSE functions over a few arguments; results go to kData.
        program floating
        .code64
        fninit
        mov     $kData, %edi
        mov     $1, %ecx
1:      mov     %ecx, kData + 0xf00
        fildl   kData + 0xf00
        fldpi
        fdivp
        fld     %st(0)
        fsin
        fstpt   (%rdi)
        fld     %st(0)
        fcos
        fstpt   16(%rdi)
        fld     %st(0)
        fptan
        fstp    %st(0)
        fstpt   32(%rdi)
        fld     %st(0)
        fld1
        fpatan
        fstpt   48(%rdi)
        fldln2
        fxch
        fyl2x
        fstpt   64(%rdi)
        mov     %ecx, kData + 0xf00
        fildl   kData + 0xf00
        fld1
        fdivp
        f2xm1
        fstpt   80(%rdi)
        add     $96, %rdi
        inc     %ecx
        cmp     $20, %ecx
        jne     1b
        hlt
        finish  floating

# A little of everything that can be cut in two: faults that are repaired, interrupts, rings, MMIO,
# port strings, changed page tables, clean stores, halts. Ends with interrupts off and HLT.
        .set    kMmio, 0x100000000
        .set    kFaulty, 0x80000
        program everything
        .code64
        mov     $30, %r12d
        mov     $kMmio, %r13
        sti
1:      mov     %r12, %rax
        shl     $12, %rax
        movq    $0x1234, kFaulty(%rax)          # a page fault each, repaired by its handler
        andq    $~0x61, kLeaves + 8 * (kFaulty >> 12)(, %r12, 8)
        incl    (%r13)
        mov     8(%r13), %rcx
        mov     %cx, 6(%r13)
        xchg    %rcx, 16(%r13)
        out     %al, $0x20
        pushfq
        popfq
        mov     $kData + 0x800, %esi
        mov     $3, %ecx
        mov     $0x21, %edx
        rep outsb
        mov     $kData + 0x900, %edi
        mov     $2, %ecx
        rep insl
        int     $0x30
        cli
        rdtsc
        add     %rax, kData + 0x10
        sti
        call    2f
        mov     $0x40000002, %ecx
        rdmsr
        wrmsr
        mov     %cr3, %rax
        mov     %rax, %cr3
        vmcall
        test    $3, %r12d
        jnz     3f
        out     %al, $0x22                      # asks for an interrupt
        hlt
3:      dec     %r12d
        jnz     1b
        cli
        hlt
2:      sti
        ret
        finish  everything
