/* What an epoll event is about: a kind and a number. */
#ifndef VERONNX_KEEPER_TAGS_H
#define VERONNX_KEEPER_TAGS_H

#define TAG_CONTROL ((uint64_t)1 << 32)
#define TAG_SIGN    ((uint64_t)2 << 32)
#define TAG_REPORT  ((uint64_t)3 << 32)
#define TAG_PROOF   ((uint64_t)4 << 32)
#define TAG_MODULE  ((uint64_t)5 << 32)
#define TAG_KIND    ((uint64_t)0xff << 32)
#define TAG_NUMBER(tag) ((uint32_t)(tag))

#endif
