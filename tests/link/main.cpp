// Linked with one whole library at a time; that it links is the test.
int main() { return 0; }
