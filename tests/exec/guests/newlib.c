/* An ordinary C program: standard streams, clock, heap, arguments, a file that is not to be had. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

extern void _start(void);
extern char __stack[];

__attribute__((section(".vectors"), used)) static const void* const vectors[16] = {__stack,
                                                                                   (const void*)_start};

int main(int count, char** arguments) {
  printf("arguments: %d %s\n", count, count > 0 ? strrchr(arguments[0], '/') + 1 : "");
  char line[64];
  while (fgets(line, sizeof line, stdin) != NULL) printf("read: %s", line);
  fprintf(stderr, "to stderr\n");
  printf("terminal: %d\n", isatty(1));
  FILE* file = fopen("/etc/passwd", "r");
  printf("file: %s\n", file == NULL ? "refused" : "open");
  char* block = malloc(50000);
  memset(block, 'x', 50000);
  printf("heap: %c\n", block[49999]);
  const clock_t before = clock();
  for (volatile uint32_t wait = 0; wait < 400000; ++wait) {
  }
  printf("clock: %s\n", clock() > before ? "runs" : "stands");
  printf("remove: %d\n", remove("/tmp/anything"));
  return 7;
}
