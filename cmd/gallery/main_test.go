package main

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

func TestRunReportsWrongArguments(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"-h"}, exitOK, "-listen"},
		{[]string{"-nonsense"}, exitUsage, "nonsense"},
		{[]string{"-listen", "256.0.0.1:0"}, exitFailure, "set another address"},
	} {
		t.Run(fmt.Sprintf("%q", test.args), func(t *testing.T) {
			var out bytes.Buffer
			if code := run(test.args, &out, &out); code != test.code || !strings.Contains(out.String(), test.want) {
				t.Errorf("%v answers %d: %s", test.args, code, out.String())
			}
		})
	}
}
