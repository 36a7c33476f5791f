# Flags that are live across a memory access, a branch, a call: the lookup of an address must not touch
# them.
.include "case.inc"

case flags_adc_chain
  mov rsi, rbx
  lea rdi, [rbx - 512]
  mov ecx, 20
  clc
1:
  mov rax, [rsi]
  adc rax, [rdi]
  mov [rdi], rax
  lea rsi, [rsi + 8]
  lea rdi, [rdi + 8]
  dec ecx
  jnz 1b
  setc al
end_case flags_adc_chain

case flags_sbb_chain, sweep
  sub rax, [rbx]
  sbb rcx, [rbx + 8]
  sbb rdx, [rbx + 16]
  sbb [rbx], rsi
  sbb [rbx + 8], rdi
  sbb dword ptr [rbx + 20], 0
  adcx r8, [rbx]
  adox r9, [rbx + 8]
  adcx r10, [rbx + 16]
  adox r11, [rbx + 24]
  seto r12b
  setc r13b
end_case flags_sbb_chain

case flags_dec_mov_jnz
  mov ecx, 50
  mov rsi, rbx
1:
  add rax, 1
  dec ecx
  mov rdx, [rsi - 16]
  mov [rsi + rcx * 8], rdx
  jnz 1b
end_case flags_dec_mov_jnz

case flags_all_conditions_across_access
  .irp value, 0, 1, -1, 0x7fffffff, 0x80000000
  mov eax, \value
  cmp eax, 1
  mov rdx, [rbx]
  mov [rbx + 8], rdx
  .irp condition, o, no, b, nb, z, nz, be, nbe, s, ns, p, np, l, nl, le, nle
  set\condition byte ptr [rbx + 16]
  movzx esi, byte ptr [rbx + 16]
  lea r8, [r8 * 2 + rsi]
  cmov\condition r9, [rbx + 24]
  j\condition 1f
  lea r10, [r10 + 1]
1:
  .endr
  .endr
end_case flags_all_conditions_across_access

# A shift by zero leaves all flags, so those from before are live through it.
case flags_shift_by_zero
  xor ecx, ecx
  stc
  shl rax, cl
  mov rdx, [rbx]
  adc r8, 0
  cmp eax, eax
  shr dword ptr [rbx], cl
  setz r9b
  stc
  rcl rdx, cl
  rcr qword ptr [rbx + 8], cl
  setc r10b
  mov cl, 32
  stc
  sar edx, cl
  setc r11b
  mov cl, 64
  stc
  rol rsi, cl
  setc r12b
  stc
  shld rsi, rdi, cl
  setc r13b
  mov cl, 0x21
  stc
  shl edx, cl
  mov rax, [rbx]
  setc r14b
  stc
  shl edx, 0
  shld eax, edx, 32
  setc r15b
end_case flags_shift_by_zero

case flags_inc_keeps_carry
  stc
  inc qword ptr [rbx]
  adc rax, [rbx + 8]
  stc
  dec byte ptr [rbx + 3]
  adc rcx, 0
  clc
  inc r10
  adc rdx, 0
  lea rsi, [rbx + 5]
  adc [rsi], rdi
end_case flags_inc_keeps_carry

# Nothing in the architecture says that flags are dead at a call or a return.
case flags_live_at_call
  stc
  call 1f
  adc rax, 0
  cmp rax, rax
  call 2f
  setz cl
  stc
  lea rdx, [rip + 1f]
  call rdx
  adc rsi, 0
  stc
  lea r11, [rip + 3f]
  jmp r11
1:
  adc r8, [rbx]
  stc
  ret
2:
  setz r9b
  mov r10, [rbx]
  ret
3:
  adc rdi, 0
  stc
  push rax
  pop rdx
  adc rdi, 0
  std
  call 4f
  pushfq
  cld
  jmp 5f
4:
  ret
5:
end_case flags_live_at_call

case flags_live_across_strings
  stc
  mov rdi, rbx
  lea rsi, [rbx - 100]
  mov ecx, 40
  rep movsb
  adc rax, 0
  stc
  mov rdi, rbx
  mov ecx, 10
  rep stosq
  adc rdx, 0
  cmp eax, eax
  xor ecx, ecx
  stc
  repe cmpsb
  adc r8, 0
  stc
  repne scasb
  adc r9, 0
  stc
  lodsq
  movsd
  stosb
  adc r10, 0
end_case flags_live_across_strings

case flags_compare_exchange
  mov rax, [rbx]
  lock cmpxchg [rbx], rcx
  setz r8b
  lock cmpxchg [rbx], rdx
  setz r9b
  mov rax, [rbx + 16]
  mov rdx, [rbx + 24]
  lock cmpxchg16b [rbx + 16]
  setz r10b
  stc
  lock cmpxchg16b [rbx + 16]
  setz r11b
  setc r12b
  lock cmpxchg8b [rbx + 3]
  setz r13b
end_case flags_compare_exchange

case flags_not_and_lea_leave_them
  cmp rax, rcx
  not rdx
  not qword ptr [rbx]
  lea rsi, [rbx + 8]
  mov rdi, [rsi]
  bswap rdi
  movzx r8d, byte ptr [rbx]
  xchg [rbx + 8], r9
  pushfq
  pop r10
  and r10, 0xcd5
  movups xmm0, [rbx]
  movups [rbx + 16], xmm0
  paddd xmm0, [rbx]
  pushfq
end_case flags_not_and_lea_leave_them

case flags_direction
  std
  lea rsi, [rbx + 16]
  lea rdi, [rbx - 16]
  movsb
  movsw
  movsd
  movsq
  stosq
  lodsd
  scasb
  cmpsw
  pushfq
  cld
  movsq
end_case flags_direction
