package desktest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// browserLimit bounds everything that one test does in its browser, on a machine that has other things to do.
const browserLimit = 4 * time.Minute

// chromium is the browser of all tests of a package, because starting one takes longer than most of what is done in it.
var chromium struct {
	sync.Mutex
	ctx  context.Context
	stop func()
}

// NewBrowser returns a tab of a headless Chromium, with a profile of its own that ends with the test. The package's
// TestMain calls CloseBrowser when all tests are over.
func NewBrowser(t testing.TB) context.Context {
	t.Helper()
	shared, err := startChromium()
	if err != nil {
		t.Fatalf("start a browser: %v", err)
	}
	limited, cancel := context.WithTimeout(shared, browserLimit)
	t.Cleanup(cancel)
	tab, closeTab := chromedp.NewContext(limited, chromedp.WithNewBrowserContext())
	t.Cleanup(closeTab)
	return tab
}

func startChromium() (context.Context, error) {
	chromium.Lock()
	defer chromium.Unlock()
	if chromium.ctx != nil {
		return chromium.ctx, nil
	}
	options := append(
		chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath("/usr/bin/chromium"), chromedp.NoSandbox,
		chromedp.DisableGPU, chromedp.WindowSize(1440, 900), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
	)
	alloc, stop := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, quit := chromedp.NewContext(alloc)
	chromium.stop = func() { quit(); stop() }
	if err := chromedp.Do(ctx); err != nil {
		chromium.stop()
		return nil, err
	}
	chromium.ctx = ctx
	return ctx, nil
}

// CloseBrowser ends the browser, if a test had one started.
func CloseBrowser() {
	chromium.Lock()
	defer chromium.Unlock()
	if chromium.ctx != nil {
		chromium.stop()
		chromium.ctx = nil
	}
}
