package desktest

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// browserLimit bounds everything that one test does in its browser, on a machine that has other things to do.
const browserLimit = 4 * time.Minute

// NewBrowser starts a headless Chromium with a profile of its own and answers the context of its tab. It ends with the test.
func NewBrowser(t testing.TB) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath("/usr/bin/chromium"), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1440, 900), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true))
	limited, cancel := context.WithTimeout(context.Background(), browserLimit)
	t.Cleanup(cancel)
	alloc, stop := chromedp.NewExecAllocator(limited, options...)
	t.Cleanup(stop)
	tab, closeTab := chromedp.NewContext(alloc)
	t.Cleanup(closeTab)
	return tab
}
