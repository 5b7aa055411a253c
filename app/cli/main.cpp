#include "app/cli/application.h"

int main(int count, char** words) {
    return sweetspot::run_program(count, words);
}
