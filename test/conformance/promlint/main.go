// promlint: metrics on standard input; what is wrong with them on standard output, by the linter that `promtool check metrics` is made of.
// Exit status 1: something is.
package main

import (
	"fmt"
	"os"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

func main() {
	problems, err := promlint.New(os.Stdin).Lint()
	for _, problem := range problems {
		fmt.Println(problem.Metric, problem.Text)
	}
	if err != nil {
		fmt.Println(err)
	}
	if err != nil || len(problems) > 0 {
		os.Exit(1)
	}
}
