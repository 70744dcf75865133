# Guest programs of the processor's tests. Each lies between NAME_begin and NAME_end and is copied to
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
