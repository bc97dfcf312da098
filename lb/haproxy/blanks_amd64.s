#include "textflag.h"

// WORD makes a word of the map from the 64 bytes at DI in R8. X8 holds blanks, X9 slashes.
#define WORD \
	MOVOU (DI), X0 \
	MOVOU 16(DI), X1 \
	MOVOU 32(DI), X2 \
	MOVOU 48(DI), X3 \
	MOVO X0, X4 \
	MOVO X1, X5 \
	MOVO X2, X6 \
	MOVO X3, X7 \
	PCMPEQB X8, X0 \
	PCMPEQB X8, X1 \
	PCMPEQB X8, X2 \
	PCMPEQB X8, X3 \
	PCMPEQB X9, X4 \
	PCMPEQB X9, X5 \
	PCMPEQB X9, X6 \
	PCMPEQB X9, X7 \
	POR X4, X0 \
	POR X5, X1 \
	POR X6, X2 \
	POR X7, X3 \
	PMOVMSKB X0, R8 \
	PMOVMSKB X1, R9 \
	PMOVMSKB X2, R10 \
	PMOVMSKB X3, R11 \
	SHLQ $16, R9 \
	SHLQ $32, R10 \
	SHLQ $48, R11 \
	ORQ R9, R8 \
	ORQ R11, R10 \
	ORQ R10, R8

// NEXT stores the word of the 64 bytes at offset at. Where fewer are left it reads the last 64 bytes (they begin at
// AX, the length less 64) and shifts out what belongs to the words before; a word behind the line becomes 0.
#define NEXT(at, to) \
	MOVQ $at, CX \
	MOVQ CX, DI \
	CMPQ AX, CX \
	CMOVQLT AX, DI \
	SUBQ DI, CX \
	ADDQ SI, DI \
	WORD \
	CMPQ CX, $64 \
	SBBQ BX, BX \
	SHRQ CX, R8 \
	ANDQ BX, R8 \
	MOVQ R8, to(DX)

// func separate(m *[5]uint64, b []byte)
TEXT ·separate(SB), NOSPLIT, $0-32
	MOVQ m+0(FP), DX
	MOVQ b_base+8(FP), SI
	MOVQ b_len+16(FP), AX
	SUBQ $64, AX
	MOVQ $0x2020202020202020, R8
	MOVQ R8, X8
	PUNPCKLQDQ X8, X8
	MOVQ $0x2f2f2f2f2f2f2f2f, R9
	MOVQ R9, X9
	PUNPCKLQDQ X9, X9
	MOVQ SI, DI
	WORD
	MOVQ R8, 0(DX)
	NEXT(64, 8)
	NEXT(128, 16)
	NEXT(192, 24)
	MOVQ $0, 32(DX)
	RET
