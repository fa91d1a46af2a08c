package gallery

import (
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// device are the states of the page that signs in a program.
func device() []Example {
	state := func(name string, change func(*page.DeviceView)) Example {
		v := page.DeviceView{Chrome: chrome("Sign in a terminal", "/device")}
		change(&v)
		return Example{Name: name, Component: page.Device(v)}
	}
	asked := func(v *page.DeviceView) {
		v.Code = "BCDF-GHJK"
		v.Request = page.DeviceRequest{
			Name: "CLI on laptop", Addr: "192.0.2.4", CreatedAt: ago(1), ExpiresAt: ago(-9),
			Roles: roles("operator")[:2], Days: []ui.Option{{Value: "90", Label: "In 90 days", Selected: true}},
		}
	}
	return []Example{
		state("device", func(*page.DeviceView) {}),
		state("device-code-fault", func(v *page.DeviceView) {
			v.Code, v.CodeError = "BCDF", "No program waits with this code: run dlqdesk login again."
		}),
		state("device-done", func(v *page.DeviceView) {
			v.Flash = ui.Notice{
				Kind: ui.Done, Text: "“CLI on laptop” is signed in.",
				Hint: "Go back to your terminal. You can revoke its token on the page API tokens of your account.",
			}
		}),
		state("device-request", asked),
		state("device-request-elsewhere", func(v *page.DeviceView) {
			asked(v)
			v.Request.OtherAddr = "2001:db8:85a3:8d3:1319:8a2e:370:7348"
			v.Error = "A token can expire in 1 to 3650 days, or not at all."
		}),
		state("device-request-long", func(v *page.DeviceView) {
			asked(v)
			v.Request.Name, v.Request.Addr = longWord, longWord
			v.Request.OtherAddr = "192.0.2.5"
		}),
	}
}
