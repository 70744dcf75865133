/* The same loop as a multiboot kernel: 4 KiB pages, long mode, COUNT passes with offset mask MASK,
   then an exit through the debug port. Loaded flat at 1 MiB. */
    .section .text
    .code32
    .align 4
mb: .long 0x1BADB002, 0x00010000, -(0x1BADB002+0x00010000)
    .long mb, 0x100000, 0, 0, start
    .globl start
start:
    mov $0x200000, %edi
    xor %eax,%eax
    mov $(4096*4), %ecx
    rep stosl
    movl $0x201007, 0x200000
    movl $0x202007, 0x201000
    mov $0x300007, %eax
    mov $0x202000, %edi
    mov $128, %ecx
2:  mov %eax,(%edi)
    movl $0,4(%edi)
    add $4096,%eax
    add $8,%edi
    loop 2b
    mov $0x7, %eax
    mov $0x300000,%edi
    mov $65536, %ecx
3:  mov %eax,(%edi)
    movl $0,4(%edi)
    add $4096,%eax
    add $8,%edi
    loop 3b
    mov %cr4,%eax
    or $0x20,%eax
    mov %eax,%cr4
    mov $0x200000,%eax
    mov %eax,%cr3
    mov $0xc0000080,%ecx
    rdmsr
    or $0x100,%eax
    wrmsr
    mov %cr0,%eax
    or $0x80000001,%eax
    mov %eax,%cr0
    lgdt gdtr
    ljmp $8,$long
gdt: .quad 0, 0x00af9b000000ffff
gdtr: .word 15
    .long gdt
    .code64
long:
    mov $0x4000000,%edx
    xor %esi,%esi
    xor %ebx,%ebx
    mov $MASK,%r10d
    mov $COUNT,%rcx
#include "guest_loop.inc"
    mov $0x501,%edx
    out %al,$0xf4
    hlt
