package demo

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"syscall"
	"time"
)

// process is a program that the demo started. It is in a group of its own, so that Ctrl-C reaches the demo alone,
// which then stops what it started in order.
type process struct {
	cmd   *exec.Cmd
	alive context.Context // ends when the process does, or the demo
	done  chan struct{}   // closed when the process has ended
	stdin io.Closer
}

// stopLimit is over the time that dlqdesk takes for deliveries in flight.
const stopLimit = 45 * time.Second

// start runs a program. Its standard input stays open as long as the demo lives.
func start(
	ctx context.Context, out, errs io.Writer, environ []string, name string, command ...string,
) (*process, error) {
	cmd := exec.Command(command[0], command[1:]...) //nolint:gosec,noctx // our own programs; stop ends them in order
	cmd.Env, cmd.Stdout, cmd.Stderr = environ, out, errs
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s (make demo builds and installs what is needed): %w", name, err)
	}
	alive, end := context.WithCancelCause(ctx)
	p := &process{cmd: cmd, alive: alive, done: make(chan struct{}), stdin: stdin}
	go func() { // ends with the process, which stop waits for
		defer close(p.done)
		_ = cmd.Wait()
		end(fmt.Errorf("%s ended by itself: %s", name, cmd.ProcessState))
	}()
	return p, nil
}

// fault returns why the process ended before the demo was stopped, and nil if it did not.
func (p *process) fault(ctx context.Context) error {
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(p.alive)
}

// stop asks the process to end, waits for it, and kills it where it does not.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // it may have ended already
	timer := time.NewTimer(stopLimit)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		_ = p.cmd.Process.Kill()
		<-p.done
	}
	_ = p.stdin.Close() // Wait has closed it where the process ended
}
