#include "textflag.h"

// SIGN fills Y register to with 32 copies of a sign.
#define SIGN(sign, to, half) \
	MOVQ $sign, AX \
	MOVQ AX, half \
	VPBROADCASTB half, to

// MASK makes the 64 bits of Y4 (lower half) and Y5 (upper half) and stores them at to.
#define MASK(to) \
	VPMOVMSKB Y4, AX \
	VPMOVMSKB Y5, BX \
	SHLQ $32, BX \
	ORQ BX, AX \
	MOVQ AX, (to)

// func findAVX2(lines, cuts, marks *Bits, b []byte)
TEXT ·findAVX2(SB), NOSPLIT, $0-48
	MOVQ lines+0(FP), R8
	MOVQ cuts+8(FP), R9
	MOVQ marks+16(FP), R10
	MOVQ b_base+24(FP), SI
	MOVQ b_len+32(FP), CX
	SHRQ $6, CX
	JZ   done
	SIGN(10, Y8, X8)
	SIGN(32, Y9, X9)
	SIGN(47, Y10, X10)
	SIGN(63, Y11, X11)
	SIGN(35, Y12, X12)
	SIGN(34, Y13, X13)
next:
	VMOVDQU (SI), Y0
	VMOVDQU 32(SI), Y1
	VPCMPEQB Y8, Y0, Y4
	VPCMPEQB Y8, Y1, Y5
	MASK(R8)
	VPCMPEQB Y9, Y0, Y4
	VPCMPEQB Y9, Y1, Y5
	VPCMPEQB Y10, Y0, Y6
	VPCMPEQB Y10, Y1, Y7
	VPOR Y6, Y4, Y4
	VPOR Y7, Y5, Y5
	MASK(R9)
	VPCMPEQB Y11, Y0, Y4
	VPCMPEQB Y11, Y1, Y5
	VPCMPEQB Y12, Y0, Y6
	VPCMPEQB Y12, Y1, Y7
	VPOR Y6, Y4, Y4
	VPOR Y7, Y5, Y5
	VPCMPEQB Y13, Y0, Y6
	VPCMPEQB Y13, Y1, Y7
	VPOR Y6, Y4, Y4
	VPOR Y7, Y5, Y5
	MASK(R10)
	ADDQ $64, SI
	ADDQ $8, R8
	ADDQ $8, R9
	ADDQ $8, R10
	DECQ CX
	JNZ  next
	VZEROUPPER
done:
	RET
