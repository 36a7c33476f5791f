# x87, MMX and the state images.
.include "case.inc"

case x87_arithmetic
  fninit
  fld qword ptr [rbx]
  fld dword ptr [rbx + 8]
  faddp
  fld1
  fsub st, st(1)
  fxch
  fsqrt
  fabs
  fst qword ptr [rbx + 16]
  fistp dword ptr [rbx + 24]
  fldpi
  fsin
  fld st
  fucomip st, st(1)
  fcmovb st, st(1)
  fstp tbyte ptr [rbx + 32]
  fnstsw ax
end_case x87_arithmetic

case x87_rounding
  fninit
  .irp control, 0x037f, 0x077f, 0x0b7f, 0x0f7f, 0x007f, 0x027f
  mov word ptr [rbx - 2], \control
  fldcw [rbx - 2]
  fld qword ptr [rbx]
  fld qword ptr [rbx + 8]
  fdivp
  fst dword ptr [rbx + 16]
  frndint
  fstp qword ptr [rbx + 24]
  .endr
end_case x87_rounding

case x87_mmx_changes_tags
  fninit
  movq mm0, [rbx]
  paddw mm0, [rbx + 8]
  movq mm7, mm0
  fnstsw ax
  movq [rbx + 16], mm7
  emms
  fld1
  movq2dq xmm1, mm0
end_case x87_mmx_changes_tags

# The last instruction's address and its operand's are kept only where FXSAVE keeps them (src/cpu/README.md): they
# are overwritten here before memory is compared.
.macro forget_pointers address:vararg
  mov qword ptr [\address + 12], 0
  mov qword ptr [\address + 20], 0
.endm
case x87_environment
  fninit
  fld qword ptr [rbx]
  fnstenv [rbx + 64]
  fadd qword ptr [rbx + 8]
  nop
  fnstenv [rbx + 128]
  fldz
  fnstenv [rbx + 192]
  fldenv [rbx + 64]
  fnstenv [rbx + 256]
  forget_pointers rbx + 64
  forget_pointers rbx + 128
  forget_pointers rbx + 192
  forget_pointers rbx + 256
end_case x87_environment

case x87_save_restore
  fld qword ptr [rbx]
  fld1
  fnsave [rbx + 64]
  fldpi
  frstor [rbx + 64]
  fstp qword ptr [rbx + 192]
  forget_pointers rbx + 64
end_case x87_save_restore

case x87_fxsave
  fninit
  fld qword ptr [rbx]
  fldpi
  fxsave [rbx + 512]
  fninit
  pxor xmm0, xmm0
  fxrstor [rbx + 512]
  fxsave64 [rbx + 1024]
  mov dword ptr [rbx + 1024 + 24], 0x3f80
  fxrstor64 [rbx + 1024]
end_case x87_fxsave

case x87_fxrstor_bad_mxcsr
  fxsave [rbx + 512]
  mov dword ptr [rbx + 512 + 24], 0xffffffff
  fxrstor [rbx + 512]
end_case x87_fxrstor_bad_mxcsr

case x87_fxsave_unaligned
  inc rax
  fxsave [rbx + 8]
end_case x87_fxsave_unaligned

# Across a page, 16-byte aligned.
case x87_fxsave_crossing
  fninit
  fldpi
  fld1
  fxsave [rbx - 256]
  fldz
  fxrstor [rbx - 256]
  fxsave64 [rbx + 0x1000 - 16]
  fxrstor64 [rbx + 0x1000 - 16]
end_case x87_fxsave_crossing

case x87_fnsave_crossing, sweep
  fninit
  fldpi
  fnsave [rbx]
  fld1
  frstor [rbx]
  forget_pointers rbx
end_case x87_fnsave_crossing

case x87_fnstenv_crossing, sweep
  fninit
  fldpi
  fnstenv [rbx]
  fldenv [rbx]
  forget_pointers rbx
end_case x87_fnstenv_crossing

case x87_xsave
  fninit
  fldpi
  lea rdi, [rbx + 512]
  mov ecx, 128
  xor eax, eax
  rep stosq
  mov eax, 7
  xor edx, edx
  xsave [rbx + 512]
  vpxor ymm1, ymm1, ymm1
  fninit
  xrstor [rbx + 512]
  mov eax, 2
  xrstor [rbx + 512]
  mov eax, 4
  vmovups ymm3, ymm4
  xrstor [rbx + 512]
end_case x87_xsave

case x87_xsavec_crossing
  lea rdi, [rbx - 256]
  mov ecx, 128
  xor eax, eax
  rep stosq
  mov eax, 7
  xor edx, edx
  fninit
  fldpi
  xsavec [rbx - 256]
  vpxor ymm2, ymm2, ymm2
  xrstor [rbx - 256]
end_case x87_xsavec_crossing

case x87_xrstor_bad_header
  lea rdi, [rbx + 512]
  mov ecx, 128
  xor eax, eax
  rep stosq
  mov qword ptr [rbx + 512 + 512 + 16], 1
  mov eax, 7
  xor edx, edx
  xrstor [rbx + 512]
end_case x87_xrstor_bad_header

case x87_xsave_unaligned
  mov eax, 7
  xor edx, edx
  xsave [rbx + 16]
end_case x87_xsave_unaligned

case x87_vzeroupper
  vaddps ymm1, ymm2, [rbx]
  vzeroupper
  addps xmm1, [rbx]
  vaddps xmm3, xmm1, [rbx]
  vzeroall
  movups xmm4, [rbx]
end_case x87_vzeroupper

case x87_gather
  lea rsi, [rbx - 64]
  vpcmpeqd ymm2, ymm2, ymm2
  vmovdqu ymm1, [rip + 1f]
  vpgatherdd ymm0, [rsi + ymm1 * 4], ymm2
  vpcmpeqd ymm2, ymm2, ymm2
  vpgatherdq ymm3, [rsi + xmm1 * 8], ymm2
  vpcmpeqd xmm2, xmm2, xmm2
  vpmovsxdq xmm5, [rip + 1f + 8]
  vgatherqpd xmm4, [rsi + xmm5 * 1], xmm2
  jmp 2f
1: .long 0, 1, -2, 15, 16, 17, 100, -7
2:
end_case x87_gather

# A gather that faults midway has loaded some elements and cleared their mask bits.
case x87_gather_faults
  mov rsi, ISLAND
  vpcmpeqd ymm2, ymm2, ymm2
  vmovdqu ymm1, [rip + 1f]
  vpxor ymm0, ymm0, ymm0
  vpgatherdd ymm0, [rsi + ymm1 * 4], ymm2
  jmp 2f
1: .long 0, 1, 2, 1023, 1024, 3, 4, 5
2:
end_case x87_gather_faults

case x87_mxcsr
  mov dword ptr [rbx], 0x7f80
  ldmxcsr [rbx]
  cvtsd2si rax, [rbx + 8]
  cvtps2dq xmm1, [rbx + 16]
  stmxcsr [rbx + 4]
  mov dword ptr [rbx], 0x10000
  ldmxcsr [rbx]
end_case x87_mxcsr
