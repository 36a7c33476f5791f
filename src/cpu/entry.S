/* Into and out of translated code. The only two places where host and guest registers meet. */
#include "cpu/context_offsets.h"

        .text
        .intel_syntax noprefix

/* void tine_cpu_enter(VcpuContext *context)
   GS base is the context already. Callee-saved registers are kept on the host stack. */
        .globl  tine_cpu_enter
        .hidden tine_cpu_enter
        .type   tine_cpu_enter, @function
tine_cpu_enter:
        push    rbp
        push    rbx
        push    r12
        push    r13
        push    r14
        push    r15
        mov     gs:[CONTEXT_HOST_RSP], rsp
        mov     r11, gs:[CONTEXT_STATE]
        cmp     byte ptr gs:[CONTEXT_X87_LOADED], 0
        jne     1f
2:      stmxcsr gs:[CONTEXT_HOST_MXCSR]
        mov     eax, gs:[CONTEXT_HOST_MXCSR]
        cmp     eax, [r11 + STATE_MXCSR]
        jne     3f
4:
        vmovups ymm0, [r11 + STATE_YMM + 0*32]
        vmovups ymm1, [r11 + STATE_YMM + 1*32]
        vmovups ymm2, [r11 + STATE_YMM + 2*32]
        vmovups ymm3, [r11 + STATE_YMM + 3*32]
        vmovups ymm4, [r11 + STATE_YMM + 4*32]
        vmovups ymm5, [r11 + STATE_YMM + 5*32]
        vmovups ymm6, [r11 + STATE_YMM + 6*32]
        vmovups ymm7, [r11 + STATE_YMM + 7*32]
        vmovups ymm8, [r11 + STATE_YMM + 8*32]
        vmovups ymm9, [r11 + STATE_YMM + 9*32]
        vmovups ymm10, [r11 + STATE_YMM + 10*32]
        vmovups ymm11, [r11 + STATE_YMM + 11*32]
        vmovups ymm12, [r11 + STATE_YMM + 12*32]
        vmovups ymm13, [r11 + STATE_YMM + 13*32]
        vmovups ymm14, [r11 + STATE_YMM + 14*32]
        vmovups ymm15, [r11 + STATE_YMM + 15*32]
        mov     rax, [r11 + 8*10]
        mov     gs:[CONTEXT_R10], rax
        mov     rax, [r11 + 8*11]
        mov     gs:[CONTEXT_R11], rax
        mov     rdx, [r11 + 8*2]
        mov     rbx, [r11 + 8*3]
        mov     rsp, [r11 + 8*4]
        mov     rbp, [r11 + 8*5]
        mov     rsi, [r11 + 8*6]
        mov     rdi, [r11 + 8*7]
        mov     r8,  [r11 + 8*8]
        mov     r9,  [r11 + 8*9]
        mov     r12, [r11 + 8*12]
        mov     r13, [r11 + 8*13]
        mov     r14, [r11 + 8*14]
        mov     r15, [r11 + 8*15]
        /* Flags: DF, AC and the rest are rare and take the slow way. */
        mov     rax, [r11 + STATE_RFLAGS]
        test    eax, 0x254400
        jnz     5f
        mov     ecx, eax
        shr     eax, 11
        and     eax, 1
        mov     ah, cl
        mov     gs:[CONTEXT_SAVED_FLAGS], rax
        add     al, 0x7f
        sahf
        mov     rcx, [r11 + 8*1]
        mov     rax, [r11]
        jmp     qword ptr gs:[CONTEXT_RESUME]
1:      fxrstor64 [r11 + STATE_FXSAVE]
        jmp     2b
3:      ldmxcsr [r11 + STATE_MXCSR]
        jmp     4b
5:      btr     rax, 8                  /* single-stepping is done by one-instruction blocks */
        mov     gs:[CONTEXT_SPILL_RSP], rsp
        mov     rsp, gs:[CONTEXT_HOST_RSP]
        push    rax
        popfq
        lahf
        seto    al
        mov     gs:[CONTEXT_SAVED_FLAGS], rax
        mov     rsp, gs:[CONTEXT_SPILL_RSP]
        mov     rcx, [r11 + 8*1]
        mov     rax, [r11]
        jmp     qword ptr gs:[CONTEXT_RESUME]
        .size   tine_cpu_enter, . - tine_cpu_enter

/* Translated code jumps here. Everything but r10 and r11 is the guest's. */
        .globl  tine_cpu_exit
        .hidden tine_cpu_exit
        .type   tine_cpu_exit, @function
tine_cpu_exit:
        mov     gs:[CONTEXT_SPILL_RSP], rsp
        mov     rsp, gs:[CONTEXT_HOST_RSP]
/* The signal handler returns here, with the guest's rsp in the context and the host's loaded. */
        .globl  tine_cpu_exit_after_fault
        .hidden tine_cpu_exit_after_fault
tine_cpu_exit_after_fault:
        mov     r11, gs:[CONTEXT_STATE]
        pushfq
        pop     r10
        mov     [r11 + STATE_RFLAGS], r10
        mov     [r11 + 8*0], rax
        mov     [r11 + 8*1], rcx
        mov     [r11 + 8*2], rdx
        mov     [r11 + 8*3], rbx
        mov     rax, gs:[CONTEXT_SPILL_RSP]
        mov     [r11 + 8*4], rax
        mov     [r11 + 8*5], rbp
        mov     [r11 + 8*6], rsi
        mov     [r11 + 8*7], rdi
        mov     [r11 + 8*8], r8
        mov     [r11 + 8*9], r9
        mov     rax, gs:[CONTEXT_R10]
        mov     [r11 + 8*10], rax
        mov     rax, gs:[CONTEXT_R11]
        mov     [r11 + 8*11], rax
        mov     [r11 + 8*12], r12
        mov     [r11 + 8*13], r13
        mov     [r11 + 8*14], r14
        mov     [r11 + 8*15], r15
        vmovups [r11 + STATE_YMM + 0*32], ymm0
        vmovups [r11 + STATE_YMM + 1*32], ymm1
        vmovups [r11 + STATE_YMM + 2*32], ymm2
        vmovups [r11 + STATE_YMM + 3*32], ymm3
        vmovups [r11 + STATE_YMM + 4*32], ymm4
        vmovups [r11 + STATE_YMM + 5*32], ymm5
        vmovups [r11 + STATE_YMM + 6*32], ymm6
        vmovups [r11 + STATE_YMM + 7*32], ymm7
        vmovups [r11 + STATE_YMM + 8*32], ymm8
        vmovups [r11 + STATE_YMM + 9*32], ymm9
        vmovups [r11 + STATE_YMM + 10*32], ymm10
        vmovups [r11 + STATE_YMM + 11*32], ymm11
        vmovups [r11 + STATE_YMM + 12*32], ymm12
        vmovups [r11 + STATE_YMM + 13*32], ymm13
        vmovups [r11 + STATE_YMM + 14*32], ymm14
        vmovups [r11 + STATE_YMM + 15*32], ymm15
        vzeroupper
        /* The host's C++ wants DF and AC clear, default rounding and masked exceptions. */
        test    r10d, 0x40400
        jnz     1f
2:      cmp     byte ptr gs:[CONTEXT_X87_LOADED], 0
        jne     3f
4:      stmxcsr [r11 + STATE_MXCSR]
        mov     eax, [r11 + STATE_MXCSR]
        and     eax, 0xffc0
        cmp     eax, 0x1f80
        jne     5f
6:      pop     r15
        pop     r14
        pop     r13
        pop     r12
        pop     rbx
        pop     rbp
        ret
1:      push    0x202
        popfq
        jmp     2b
3:      fxsave64 [r11 + STATE_FXSAVE]
        fninit
        jmp     4b
5:      mov     dword ptr gs:[CONTEXT_HOST_MXCSR], 0x1f80
        ldmxcsr gs:[CONTEXT_HOST_MXCSR]
        jmp     6b
        .size   tine_cpu_exit, . - tine_cpu_exit

        .section .note.GNU-stack, "", @progbits
