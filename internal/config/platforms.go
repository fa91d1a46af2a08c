package config

import (
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strings"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/platform"
	"dlqdesk/internal/redact"
)

// Platform is a service that sends webhooks, and the way to register them there.
type Platform struct {
	Name       string
	PresetName string
	Preset     platform.Preset // with the settings of the configuration; the region is empty if none is set

	// Places of the credentials, env:NAME or file:PATH. The two ids may stand here themselves. Empty: the variables
	// that the preset names. They are read when a command needs them, not when the program starts.
	ClientID, ClientSecret, AccessKeyID, AccessKeySecret string
}

// Platform returns the platform with the given name: one of the configuration, or a preset without settings.
func (c Config) Platform(name string) (Platform, error) {
	i := slices.IndexFunc(c.Platforms, func(p Platform) bool { return p.Name == name })
	if i >= 0 {
		return c.Platforms[i], nil
	}
	preset, err := platform.Find(name)
	if err != nil {
		near := orNear(name, c.platformNames())
		return Platform{}, deadletter.Errorf(deadletter.Invalid, "there is no platform %q%s", name, near)
	}
	preset.Region = ""
	return Platform{Name: name, PresetName: name, Preset: preset}, nil
}

// OrderKey returns where webhooks of a source name the thing whose events have to stay in order: as configured, or else
// where its platform writes it.
func (c Config) OrderKey(s Source) payload.OrderKey {
	if s.OrderKey != nil || s.Platform == "" {
		return s.OrderKey
	}
	p, err := c.Platform(s.Platform)
	if err != nil {
		return nil
	}
	presets := payload.OrderPresets()
	if key, ok := presets[p.PresetName]; ok {
		return key
	}
	return presets["genesys-"+p.PresetName] // tutorial
}

func (c Config) platformNames() []string {
	var names []string
	for _, p := range c.Platforms {
		names = append(names, p.Name)
	}
	return append(names, presetNames()...)
}

// WebhookURLOf returns the URL that a platform posts the webhooks of a source to; "" if the configuration has none.
func (c Config) WebhookURLOf(source string) string {
	base := c.WebhookURL
	if base == "" && c.ConsoleListen == "" {
		base = c.PublicURL
	}
	if base == "" {
		return ""
	}
	return base + "/webhooks/" + source
}

// Resolve returns a platform's preset and its credentials. Environment variables stand in for settings that the
// configuration does not have. A missing credential is an empty secret; one that cannot be read is an error.
func (p Platform) Resolve(environ []string) (platform.Preset, platform.Credentials, error) {
	preset := p.Preset
	r := newReader("", environ)
	if preset.Region == "" {
		base, err := platform.Find(p.PresetName)
		if err != nil {
			return preset, platform.Credentials{}, err
		}
		preset.Region = cmp.Or(r.environ[preset.Environment.Region], base.Region)
	}
	var faults []error
	read := func(key, place, variable string) redact.Secret {
		secret, err := r.credential(place, variable)
		if err != nil {
			path := join(join("platforms", p.Name), key)
			faults = append(faults, deadletter.Errorf(deadletter.Invalid, "%s: %v", path, err))
		}
		return secret
	}
	credentials := platform.Credentials{
		ClientID:        read("client_id", p.ClientID, preset.Environment.ClientID),
		ClientSecret:    read("client_secret", p.ClientSecret, preset.Environment.ClientSecret),
		AccessKeyID:     read("access_key_id", p.AccessKeyID, preset.Environment.AccessKeyID),
		AccessKeySecret: read("access_key_secret", p.AccessKeySecret, preset.Environment.AccessKeySecret),
	}
	return preset, credentials, errors.Join(faults...)
}

// credential reads the secret at a place, or else the one in a variable. It is empty if both are.
func (r *reader) credential(place, variable string) (redact.Secret, error) {
	switch {
	case place == "" && r.environ[variable] == "":
		return redact.Secret{}, nil
	case place == "":
		return redact.NewSecret("env:"+variable, r.environ[variable]), nil
	case isPlace(place):
		return r.parseSecret(place)
	}
	return redact.NewSecret("", place), nil
}

// PlatformVariable returns the name of the variable that sets a key of a platform, such as calls.create.path.
func PlatformVariable(platform, key string) string {
	return prefix + "PLATFORMS" + levels + strings.ToUpper(platform+levels+strings.ReplaceAll(key, ".", levels))
}

func isPlace(text string) bool {
	return strings.HasPrefix(text, "env:") || strings.HasPrefix(text, "file:")
}

func readPlatform(name string, s *section) Platform {
	if err := checkName("platform", name); err != nil {
		s.reader.fault(s.path, err.Error())
	}
	p := Platform{
		Name:            name,
		PresetName:      setting(s, "preset", "", parsePreset),
		ClientID:        setting(s, "client_id", "", parseSomething),
		ClientSecret:    setting(s, "client_secret", "", parsePlace),
		AccessKeyID:     setting(s, "access_key_id", "", parseSomething),
		AccessKeySecret: setting(s, "access_key_secret", "", parsePlace),
	}
	preset, err := platform.Find(cmp.Or(p.PresetName, name))
	if err != nil && p.PresetName == "" && !s.reader.faulty(join(s.path, "preset")) {
		s.missing("preset", "is missing: set it to one of "+strings.Join(presetNames(), ", "))
	}
	p.PresetName, p.Preset = preset.Name, s.override(preset)
	return p
}

// override returns a preset with the settings of a section. An empty URL keeps the preset's, because hosts and compose
// files set a variable to nothing when they mean none. The region is that of the section alone.
func (s *section) override(p platform.Preset) platform.Preset {
	url := func(key, preset string) string {
		return cmp.Or(setting(s, key, "", emptyOr(parsePlatformBase)), preset)
	}
	usual := p.Region
	p.Region = setting(s, "region", "", emptyOr(parseRegion))
	p.Discovery = url("discovery_url", p.Discovery)
	p.TokenURL = url("token_url", p.TokenURL)
	p.KeyURL = url("access_key_url", p.KeyURL)
	p.API = url("api_url", p.API)
	p.Grant = setting(s, "grant", p.Grant, oneOf(platform.ClientCredentials, platform.Password, platform.AccessKey))
	p.Auth = setting(s, "client_auth", p.Auth, oneOf(platform.Basic, platform.Form))
	p.Found.ID = setting(s, "id_path", p.Found.ID, parseText)
	p.Found.Items = setting(s, "list_path", p.Found.Items, parseText)
	p.Found.URL = setting(s, "url_path", p.Found.URL, parseText)
	p.Found.Name = setting(s, "name_path", p.Found.Name, parseText)
	if p.Name == "" { // the fault of preset is enough: its parameters and calls are not known
		s.node("parameters")
		s.node("calls")
		return p
	}
	parameters := s.section("parameters")
	for i, known := range p.Parameters {
		p.Parameters[i].Value = setting(parameters, known.Name, known.Value, parseText)
	}
	p.Calls = readCalls(s.section("calls"), p)
	whole := p
	whole.Region = cmp.Or(p.Region, usual)
	if _, _, err := whole.Located(); err != nil && !s.reader.faultyWithin(s.path) {
		s.reader.fault(s.path, deadletter.TextOf(err))
	}
	return p
}

func readCalls(s *section, p platform.Preset) map[string]platform.Call {
	calls := map[string]platform.Call{}
	for _, name := range p.CallNames() {
		call, at := p.Calls[name], s.section(name)
		call.Method = cmp.Or(setting(at, "method", "", emptyOr(parseMethod)), call.Method)
		call.Path = cmp.Or(setting(at, "path", "", emptyOr(parsePlatformPath)), call.Path)
		call.Body = setting(at, "body", call.Body, parseText)
		if call != (platform.Call{}) {
			calls[name] = call
		}
	}
	return calls
}

func parseMethod(text string) (string, error) {
	return oneOf(http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete)(text)
}

func presetNames() []string {
	var names []string
	for _, p := range platform.Presets() {
		names = append(names, p.Name)
	}
	return names
}

func parsePreset(text string) (string, error) {
	if _, err := platform.Find(text); err != nil {
		return "", wrong(text, "must be one of "+strings.Join(presetNames(), ", "))
	}
	return text, nil
}

// parsePlace checks the place of a secret without reading it. Its error never repeats the text: that may be the secret
// itself.
func parsePlace(text string) (string, error) {
	if !isPlace(text) {
		return "", errNoPlace
	}
	return text, nil
}

func parsePlatformBase(text string) (string, error) {
	u, err := parseURL(text, "https://api.mypurecloud.com")
	if err != nil {
		return "", err
	}
	return strings.TrimSuffix(u.String(), "/"), nil
}

func parsePlatformPath(text string) (string, error) {
	if !strings.HasPrefix(text, "/") && !strings.HasPrefix(text, "https://") && !strings.HasPrefix(text, "http://") {
		return "", wrong(text, "must begin with a / below api_url, or be a whole URL")
	}
	return text, nil
}

// platformOf returns the preset whose webhooks are signed by a scheme; "": none.
func platformOf(scheme string) string {
	for _, p := range platform.Presets() {
		if p.Verify == scheme {
			return p.Name
		}
	}
	return ""
}

// checkPlatforms finds sources whose platform does not exist.
func (r *reader) checkPlatforms(c Config) {
	for _, s := range c.Sources {
		if _, err := c.Platform(s.Platform); err != nil && s.Platform != "" {
			r.fault(join(join("sources", s.Name), "platform"), deadletter.TextOf(err))
		}
	}
}
