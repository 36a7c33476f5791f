# Operands of every kind at every offset around a page boundary.
.include "case.inc"

.irp size, byte, word, dword, qword
sweep crossing_not_\size, not \size ptr [rbx]
sweep crossing_neg_\size, neg \size ptr [rbx]
sweep crossing_inc_\size, inc \size ptr [rbx]
sweep crossing_lock_inc_\size, lock inc \size ptr [rbx]
sweep crossing_lock_dec_\size, lock dec \size ptr [rbx]
sweep crossing_lock_not_\size, lock not \size ptr [rbx]
sweep crossing_lock_neg_\size, lock neg \size ptr [rbx]
sweep crossing_add_immediate_\size, add \size ptr [rbx], 0x55
sweep crossing_lock_add_immediate_\size, lock add \size ptr [rbx], 0x55
sweep crossing_mov_immediate_\size, mov \size ptr [rbx], 0x34
sweep crossing_test_immediate_\size, test \size ptr [rbx], 0x34
sweep crossing_shl_\size, shl \size ptr [rbx], 3
sweep crossing_rcr_\size, rcr \size ptr [rbx], 1
sweep crossing_sar_cl_\size, sar \size ptr [rbx], cl
sweep crossing_mul_\size, mul \size ptr [rbx]
.endr

.irp reg, al, ax, eax, rax, r10b, r10w, r10d, r10, r11b, r11w, r11d, r11, cl, cx, ecx, rcx
sweep crossing_load_\reg, mov \reg, [rbx]
sweep crossing_store_\reg, mov [rbx], \reg
sweep crossing_add_\reg, add [rbx], \reg
sweep crossing_lock_add_\reg, lock add [rbx], \reg
sweep crossing_adc_from_\reg, adc \reg, [rbx]
sweep crossing_lock_sbb_\reg, lock sbb [rbx], \reg
sweep crossing_xchg_\reg, xchg [rbx], \reg
sweep crossing_xadd_\reg, xadd [rbx], \reg
sweep crossing_lock_xadd_\reg, lock xadd [rbx], \reg
sweep crossing_cmp_\reg, cmp [rbx], \reg
case crossing_cmpxchg_\reg, sweep
  mov rax, [rbx]
  lock cmpxchg [rbx], \reg
  lock cmpxchg [rbx], \reg
  mov rax, 1
  cmpxchg [rbx], \reg
end_case crossing_cmpxchg_\reg
.endr

.irp reg, ax, eax, rax, r10, r11d
sweep crossing_movbe_load_\reg, movbe \reg, [rbx]
sweep crossing_movbe_store_\reg, movbe [rbx], \reg
sweep crossing_imul_\reg, imul \reg, [rbx], 17
sweep crossing_cmov_\reg, cmovb \reg, [rbx]
sweep crossing_shld_\reg, shld [rbx], \reg, 5
sweep crossing_popcnt_\reg, popcnt \reg, [rbx]
sweep crossing_lzcnt_\reg, lzcnt \reg, [rbx]
sweep crossing_tzcnt_\reg, tzcnt \reg, [rbx]
sweep crossing_bsf_\reg, bsf \reg, [rbx]
.endr

case crossing_cmpxchg8b, sweep
  mov eax, [rbx]
  mov edx, [rbx + 4]
  mov r15, rbx
  mov ecx, 0x12345678
  lock cmpxchg8b [rbx]
  lock cmpxchg8b [r15]
  cmpxchg8b [r15]
end_case crossing_cmpxchg8b

# Faults unless aligned.
case crossing_cmpxchg16b, sweep
  mov r15, rbx
  mov rax, [rbx]
  mov rdx, [rbx + 8]
  lock cmpxchg16b [r15]
  lock cmpxchg16b [r15]
  cmpxchg16b [r15]
end_case crossing_cmpxchg16b
case crossing_cmpxchg16b_unlocked, sweep
  mov rax, [rbx]
  mov rdx, [rbx + 8]
  mov r10, rbx
  mov r11, 16
  cmpxchg16b [r10 + r11 - 16]
end_case crossing_cmpxchg16b_unlocked

.irp instruction, movups, movupd, movdqu, lddqu
sweep crossing_\instruction, \instruction xmm3, [rbx]
.endr
.irp instruction, movups, movupd, movdqu
sweep crossing_store_\instruction, \instruction [rbx], xmm3
.endr
# These demand alignment, whatever page the bytes lie in.
.irp instruction, movaps, movapd, movdqa
sweep crossing_\instruction, \instruction xmm3, [rbx]
sweep crossing_store_\instruction, \instruction [rbx], xmm3
sweep crossing_v\instruction, v\instruction ymm3, [rbx]
sweep crossing_store_v\instruction, v\instruction [rbx], ymm3
.endr
.irp instruction, paddd, addps, mulpd, pxor, pshufb, sqrtps, cvtdq2ps, aesenc, punpcklbw, unpcklps
sweep crossing_\instruction, \instruction xmm4, [rbx]
.endr
.irp instruction, vpaddd, vaddps, vmulpd, vpxor, vpshufb, vfmadd231ps, vpermd
sweep crossing_\instruction, \instruction ymm4, ymm5, [rbx]
.endr
sweep crossing_movntdq, movntdq [rbx], xmm1
sweep crossing_movntps, vmovntps [rbx], ymm1
sweep crossing_movntdqa, movntdqa xmm1, [rbx]
sweep crossing_movnti, movnti [rbx], rax
sweep crossing_movd, movd xmm1, dword ptr [rbx]
sweep crossing_movq, movq xmm1, qword ptr [rbx]
sweep crossing_movq_store, movq qword ptr [rbx], xmm1
sweep crossing_movss, movss xmm1, [rbx]
sweep crossing_movsd, movsd xmm1, [rbx]
sweep crossing_movsd_store, movsd [rbx], xmm1
sweep crossing_movlps, movlps [rbx], xmm1
sweep crossing_movhps, movhps xmm1, [rbx]
sweep crossing_addsd, addsd xmm1, [rbx]
sweep crossing_cvtsi2sd, cvtsi2sd xmm1, qword ptr [rbx]
sweep crossing_cvttsd2si, cvttsd2si r10, [rbx]
sweep crossing_ucomisd, ucomisd xmm1, [rbx]
sweep crossing_pinsrw, pinsrw xmm1, [rbx], 3
sweep crossing_pextrq, pextrq [rbx], xmm1, 1
sweep crossing_pmovzxbw, pmovzxbw xmm1, [rbx]
sweep crossing_vbroadcastsd, vbroadcastsd ymm1, [rbx]
sweep crossing_vinserti128, vinserti128 ymm1, ymm2, [rbx], 1
sweep crossing_vextracti128, vextracti128 [rbx], ymm1, 1
sweep crossing_vcvtps2ph, vcvtps2ph [rbx], ymm1, 0
sweep crossing_mmx_movq, movq mm1, [rbx]
sweep crossing_mmx_store, movq [rbx], mm1
sweep crossing_crc32, crc32 rax, qword ptr [rbx]
sweep crossing_stmxcsr, stmxcsr [rbx]
sweep crossing_set, setb [rbx]
sweep crossing_lea_does_not_access, lea rax, [rbx + rax * 8 + 0x7fffffff]
sweep crossing_prefetch, prefetcht0 [rbx]
sweep crossing_sha, sha256msg1 xmm1, [rbx]
sweep crossing_pcmpistri, pcmpistri xmm1, [rbx], 0x0c
sweep crossing_vmaskmov, vmaskmovps ymm1, ymm2, [rbx]
sweep crossing_vmaskmov_store, vmaskmovps [rbx], ymm2, ymm1
sweep crossing_vpmaskmov_store, vpmaskmovq [rbx], xmm2, xmm1
case crossing_maskmovdqu, sweep
  mov rdi, rbx
  maskmovdqu xmm1, xmm2
  maskmovq mm1, mm2
end_case crossing_maskmovdqu
case crossing_ldmxcsr, sweep
  mov dword ptr [rbx], 0x3f80
  ldmxcsr [rbx]
end_case crossing_ldmxcsr

# x87
.irp size, dword, qword, tbyte
sweep crossing_fld_\size, fld \size ptr [rbx]
sweep crossing_fstp_\size, fstp \size ptr [rbx]
.endr
.irp size, word, dword, qword
sweep crossing_fild_\size, fild \size ptr [rbx]
sweep crossing_fistp_\size, fistp \size ptr [rbx]
sweep crossing_fisttp_\size, fisttp \size ptr [rbx]
.endr
sweep crossing_fadd, fadd qword ptr [rbx]
sweep crossing_fbld, fbld [rbx]
sweep crossing_fbstp, fbstp [rbx]
sweep crossing_fnstcw, fnstcw [rbx]
sweep crossing_fnstsw, fnstsw [rbx]
case crossing_fldcw, sweep
  mov word ptr [rbx], 0x77f
  fldcw [rbx]
end_case crossing_fldcw

# Bit offsets in a register reach far outside the operand, both ways.
.irp reg, ax, eax, rax, r10, r11d
case crossing_bit_offset_\reg
  lea rsi, [rbx + 5]
  .irp offset, -20000, -4097, -129, -64, -1, 0, 7, 31, 63, 64, 1000, 12345
  mov rax, \offset
  mov r10, \offset
  mov r11, \offset
  bts [rsi], \reg
  bt [rsi], \reg
  setc cl
  btr [rsi + 8], \reg
  btc [rsi + 3], \reg
  lock bts [rbx + 16], \reg
  lock btc [rbx + 24], \reg
  .endr
end_case crossing_bit_offset_\reg
.endr

.irp bit, 0, 7, 15, 31
sweep crossing_bts_word_\bit, bts word ptr [rbx], \bit
sweep crossing_bts_dword_\bit, bts dword ptr [rbx], \bit
sweep crossing_lock_btr_qword_\bit, lock btr qword ptr [rbx], \bit + 32
sweep crossing_bt_qword_\bit, bt qword ptr [rbx], \bit + 32
.endr
