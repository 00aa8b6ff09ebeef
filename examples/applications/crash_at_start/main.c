/* Jumps to an address where nothing is, first thing after reset.
 *
 * Shows: whatever an application does, the device stays connected and takes the next version. */
int main(void) {
  void (*nowhere)(void) = (void (*)(void))0x6BADC0DFu;
  nowhere();
  return 0;
}
