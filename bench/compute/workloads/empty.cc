// Nothing: what starting a program costs.
int main() {}
