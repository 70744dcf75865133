// From the loader's 32-bit protected mode to 64-bit C. At entry: flat segments, paging off,
// interrupts off, EAX and EBX as boot_info.h says (or as multiboot 1 says). The way, in the order
// that the processor demands: page tables, CR4.PAE, CR3, EFER.LME, CR0.PG, far jump.

    .file "start.S"                     // or the symbol table names the assembler's temporary file

#define MSR_EFER 0xC0000080
#define EFER_LME (1 << 8)
#define CR0_PG   (1 << 31)
#define CR0_WP   (1 << 16)
#define CR4_PAE  (1 << 5)
#define PRESENT_WRITABLE 0x003
#define LARGE_PAGE       0x080
#define PD_ENTRIES (4 * 512)            // 4 GiB in pages of 2 MiB

// A multiboot 1 header lets other machines load the same program (QEMU's -kernel does).
    .section .multiboot, "a"
    .balign 4
    .long 0x1BADB002                    // magic
    .long 0                             // flags: nothing asked for
    .long -0x1BADB002                   // checksum

    .section .text.start, "ax"
    .code32
    .globl _start
_start:
    cli
    cld
    movl $stack_top, %esp
    movl %eax, %esi                     // keep both: RDI and RSI carry them into C later
    movl %ebx, %edi

    // The identity map: guest virtual = guest physical. One level-4 entry, one level-3 table with
    // four entries, 2048 large pages. The tables are in .bss, so what is not set is zero.
    movl $page_directory_pointers, %eax
    orl  $PRESENT_WRITABLE, %eax
    movl %eax, page_map
    movl $page_directories, %eax
    orl  $PRESENT_WRITABLE, %eax
    xorl %ecx, %ecx
1:  movl %eax, page_directory_pointers(, %ecx, 8)
    addl $4096, %eax
    incl %ecx
    cmpl $4, %ecx
    jne  1b
    movl $(PRESENT_WRITABLE | LARGE_PAGE), %eax
    xorl %ecx, %ecx
2:  movl %eax, page_directories(, %ecx, 8)
    addl $0x200000, %eax
    incl %ecx
    cmpl $PD_ENTRIES, %ecx
    jne  2b

    movl %cr4, %eax
    orl  $CR4_PAE, %eax
    movl %eax, %cr4
    movl $page_map, %eax
    movl %eax, %cr3
    movl $MSR_EFER, %ecx
    rdmsr
    orl  $EFER_LME, %eax
    wrmsr
    movl %cr0, %eax
    orl  $(CR0_PG | CR0_WP), %eax
    movl %eax, %cr0                     // long mode is active now, in its 32-bit form
    lgdt start_gdt_pointer
    ljmp $0x08, $long_mode              // the code segment's L bit makes it 64-bit

    .code64
long_mode:
    xorl %eax, %eax
    movl %eax, %ds
    movl %eax, %es
    movl %eax, %fs
    movl %eax, %gs
    movl %eax, %ss                      // a null SS is legal at CPL 0 in 64-bit mode
    movl $stack_top, %esp
    movl %esi, %eax
    movl %edi, %esi                     // second argument: EBX at entry
    movl %eax, %edi                     // first argument: EAX at entry
    xorl %ebp, %ebp
    call guest_start
1:  cli
    hlt
    jmp 1b

    .section .rodata
    .balign 8
start_gdt:
    .quad 0
    .quad 0x00AF9B000000FFFF            // 0x08: code, 64-bit, ring 0
start_gdt_pointer:
    .word . - start_gdt - 1
    .long start_gdt

    .section .bss.tables, "aw", @nobits
    .balign 4096
page_map:                .skip 4096
page_directory_pointers: .skip 4096
page_directories:        .skip 4 * 4096
    .skip 32768
stack_top:

    .section .note.GNU-stack, "", @progbits
