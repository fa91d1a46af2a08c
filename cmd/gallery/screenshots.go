package main

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"time"

	"dlqdesk/web/gallery"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// screenshot is one picture of the manual: a state of the gallery in a window of that height.
type screenshot struct {
	file, state string
	height      int64
}

func screenshots() []screenshot {
	return []screenshot{
		{"causes.png", "causes-morning", 800},
		{"overview.png", "overview-breaker", 800},
		{"messages.png", "messages-many", 800},
		{"message.png", "message-failed", 800},
		{"job.png", "job-done", 660},
		{"alerts.png", "alerts-some", 560},
	}
}

const (
	shotWidth   = 1280
	shotTimeout = 2 * time.Minute

	// galleryClock sets the page's clock to noon of the gallery's day, so that its times are minutes ago.
	galleryClock = `{
		const RealDate = Date
		const shift = RealDate.UTC(2026, 2, 2, 12) - RealDate.now()
		Date = class extends RealDate {
			constructor(...parts) { parts.length ? super(...parts) : super(RealDate.now() + shift) }
			static now() { return RealDate.now() + shift }
		}
	}`

	ready = `document.readyState === "complete" && document.documentElement.dataset.theme === "light"`
)

// shoot writes the screenshots into a folder. It needs chromium.
func shoot(ctx context.Context, dir string) error {
	server := httptest.NewServer(gallery.Handler())
	defer server.Close()
	ctx, cancel := context.WithTimeout(ctx, shotTimeout)
	defer cancel()
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU)
	browser, stop := chromedp.NewExecAllocator(ctx, options...)
	defer stop()
	tab, closeTab := chromedp.NewContext(browser)
	defer closeTab()
	if err := prepare(tab); err != nil {
		return fmt.Errorf("start the browser: %w", err)
	}
	for _, s := range screenshots() {
		shot, err := capture(tab, server.URL+"/state/"+s.state, s.height)
		if err != nil {
			return fmt.Errorf("capture %s: %w", s.state, err)
		}
		if err := os.WriteFile(filepath.Join(dir, s.file), shot, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// prepare sets the theme and the clock of the tab.
func prepare(tab context.Context) error {
	if err := chromedp.Do(tab); err != nil {
		return err
	}
	features := []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: "light"},
		{Name: "prefers-reduced-motion", Value: "reduce"},
	}
	media := emulation.SetEmulatedMediaParams{Features: features}
	if _, err := chromedp.Call(tab, emulation.SetEmulatedMedia, media); err != nil {
		return err
	}
	clock := page.AddScriptToEvaluateOnNewDocumentParams{Source: galleryClock}
	_, err := chromedp.Call(tab, page.AddScriptToEvaluateOnNewDocument, clock)
	return err
}

func capture(tab context.Context, url string, height int64) ([]byte, error) {
	if err := chromedp.Do(tab, chromedp.EmulateViewport(shotWidth, height), chromedp.Navigate(url)); err != nil {
		return nil, err
	}
	if _, err := chromedp.Run(tab, chromedp.Poll[bool](ready)); err != nil {
		return nil, err
	}
	fonts := chromedp.Evaluate[bool](`document.fonts.ready.then(() => true)`, chromedp.EvalAwaitPromise)
	if _, err := chromedp.Run(tab, fonts); err != nil {
		return nil, err
	}
	shot, err := chromedp.Run(tab, chromedp.CaptureScreenshot())
	if err != nil {
		return nil, err
	}
	return compress(shot)
}

// compress reduces a PNG to 256 colours, which makes it a third of the size.
func compress(shot []byte) ([]byte, error) {
	full, err := png.Decode(bytes.NewReader(shot))
	if err != nil {
		return nil, err
	}
	colours := paletteOf(full)
	reduced := image.NewPaletted(full.Bounds(), colours)
	nearest := map[color.Color]uint8{}
	for y := full.Bounds().Min.Y; y < full.Bounds().Max.Y; y++ {
		for x := full.Bounds().Min.X; x < full.Bounds().Max.X; x++ {
			c := full.At(x, y)
			index, known := nearest[c]
			if !known {
				index = uint8(colours.Index(c))
				nearest[c] = index
			}
			reduced.SetColorIndex(x, y, index)
		}
	}
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&out, reduced); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// paletteOf returns at most 256 colours for a picture. Colours whose channels share the upper four bits count as one,
// so that a rare colour is not crowded out by the many shades of smoothed text.
func paletteOf(picture image.Image) color.Palette {
	count := map[color.Color]int{}
	for y := picture.Bounds().Min.Y; y < picture.Bounds().Max.Y; y++ {
		for x := picture.Bounds().Min.X; x < picture.Bounds().Max.X; x++ {
			count[picture.At(x, y)]++
		}
	}
	best, total := map[[3]uint32]color.Color{}, map[[3]uint32]int{}
	for c, n := range count {
		r, g, b, _ := c.RGBA()
		like := [3]uint32{r >> 12, g >> 12, b >> 12}
		total[like] += n
		if best[like] == nil || n > count[best[like]] {
			best[like] = c
		}
	}
	cells := slices.SortedFunc(maps.Keys(total), func(a, b [3]uint32) int { return total[b] - total[a] })
	var colours color.Palette
	for _, cell := range cells[:min(len(cells), 256)] {
		colours = append(colours, best[cell])
	}
	return colours
}
