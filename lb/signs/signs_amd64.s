#include "textflag.h"

// A table has in place n the sign with these low four bits that is looked for, and 0xff, which is never equal, where there is none: VPSHUFB puts
// beside each byte the sign that it could be.
// Cuts: blank 0x20 and slash 0x2f. Marks: quote 0x22, number sign 0x23, question mark 0x3f.
DATA cutsTable<>+0(SB)/8, $0xffffffffffffff20
DATA cutsTable<>+8(SB)/8, $0x2fffffffffffffff
GLOBL cutsTable<>(SB), RODATA|NOPTR, $16
DATA marksTable<>+0(SB)/8, $0xffffffff2322ffff
DATA marksTable<>+8(SB)/8, $0x3fffffffffffffff
GLOBL marksTable<>(SB), RODATA|NOPTR, $16

// MASK makes 64 bits of Y4 (lower half) and Y5 (upper half).
#define MASK(to) \
	VPMOVMSKB Y4, to \
	VPMOVMSKB Y5, BX \
	SHLQ $32, BX \
	ORQ BX, to

// func findAVX2(ends *uint16, cuts, marks *Bits, b []byte) (count int, crowded uint64)
TEXT ·findAVX2(SB), NOSPLIT, $0-64
	MOVQ ends+0(FP), R8
	MOVQ cuts+8(FP), R9
	MOVQ marks+16(FP), R10
	MOVQ b_base+24(FP), SI
	MOVQ b_len+32(FP), CX
	XORL R11, R11 // lines found
	XORL R12, R12 // bits of lines that end in one word with another
	XORL R13, R13 // where the word begins
	SHRQ $6, CX
	JZ   done
	MOVQ $10, AX
	MOVQ AX, X8
	VPBROADCASTB X8, Y8
	VBROADCASTI128 cutsTable<>(SB), Y9
	VBROADCASTI128 marksTable<>(SB), Y10
next:
	VMOVDQU (SI), Y0
	VMOVDQU 32(SI), Y1
	VPCMPEQB Y8, Y0, Y4
	VPCMPEQB Y8, Y1, Y5
	MASK(AX)
	VPSHUFB Y0, Y9, Y4
	VPSHUFB Y1, Y9, Y5
	VPCMPEQB Y0, Y4, Y4
	VPCMPEQB Y1, Y5, Y5
	MASK(DX)
	MOVQ DX, (R9)
	VPSHUFB Y0, Y10, Y4
	VPSHUFB Y1, Y10, Y5
	VPCMPEQB Y0, Y4, Y4
	VPCMPEQB Y1, Y5, Y5
	MASK(DX)
	MOVQ DX, (R10)
	BSFQ AX, BX // of 0 it is anything; the next line's end takes the place
	ADDL R13, BX
	MOVW BX, (R8)(R11*2)
	LEAQ -1(AX), BX
	ANDQ AX, BX
	ORQ  BX, R12
	CMPQ AX, $1
	SBBQ $-1, R11 // one more if AX is not 0
	ADDQ $64, SI
	ADDQ $64, R13
	ADDQ $8, R9
	ADDQ $8, R10
	DECQ CX
	JNZ  next
	VZEROUPPER
done:
	MOVQ R11, count+48(FP)
	MOVQ R12, crowded+56(FP)
	RET
