/* The instruction set, as far as kernels of ONNX Runtime choose their code by it. One file per architecture. */
#ifndef VERONNX_INFER_ISA_H
#define VERONNX_INFER_ISA_H

#define ISA_TEXT_MAX 80

/* "x86-64+avx2+fma+avx512+…": what processor and kernel both support; NUL-terminated. */
void isa_text(char ret[static ISA_TEXT_MAX]);

#endif
