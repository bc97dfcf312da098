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

// func prefetchRange(from unsafe.Pointer, size int)
TEXT ·prefetchRange(SB), NOSPLIT, $0-16
	MOVQ from+0(FP), SI
	MOVQ size+8(FP), CX
	ADDQ SI, CX
	CMPQ SI, CX
	JAE  end
more:
	PREFETCHT0 (SI)
	ADDQ $64, SI
	CMPQ SI, CX
	JB   more
end:
	RET
