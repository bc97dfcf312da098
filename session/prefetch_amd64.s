#include "textflag.h"

// func prefetch(places []unsafe.Pointer)
TEXT ·prefetch(SB), NOSPLIT, $0-24
	MOVQ places_base+0(FP), SI
	MOVQ places_len+8(FP), CX
	LEAQ (SI)(CX*8), CX
	CMPQ SI, CX
	JAE  done
next:
	MOVQ (SI), AX
	PREFETCHT0 (AX)
	ADDQ $8, SI
	CMPQ SI, CX
	JB   next
done:
	RET
