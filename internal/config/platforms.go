package config

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/platform"
	"dlqdesk/internal/redact"
)

// Platform is where webhooks come from, and how they are registered there: a preset with an operator's settings.
type Platform struct {
	Name   string
	Preset string
	Offer  platform.Preset // with what the configuration overrides; without a region where that sets none

	// Where the credentials are, env:NAME or file:PATH; of the two ids also the id itself. Empty: where the preset
	// has them by default. They are read when a command needs them, not when the program starts.
	ClientID, ClientSecret, AccessKeyID, AccessKeySecret string
}

// Platform answers the platform of that name: one of the configuration, or a preset as it is.
func (c Config) Platform(name string) (Platform, error) {
	i := slices.IndexFunc(c.Platforms, func(p Platform) bool { return p.Name == name })
	if i >= 0 {
		return c.Platforms[i], nil
	}
	preset, err := platform.Find(name)
	if err != nil {
		return Platform{}, deadletter.Errorf(
			deadletter.Invalid,
			"there is no platform %q%s",
			name,
			orNear(name, c.platformNames()),
		)
	}
	preset.Region = ""
	return Platform{Name: name, Preset: name, Offer: preset}, nil
}

func (c Config) platformNames() []string {
	var names []string
	for _, p := range c.Platforms {
		names = append(names, p.Name)
	}
	for _, p := range platform.Presets() {
		names = append(names, p.Name)
	}
	return names
}

// WebhookURLOf is where a platform posts the webhooks of a source to; "" where nothing in the configuration tells.
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

// Resolve answers a platform's preset and its credentials, with what the environment says where the configuration
// says nothing. What is not there is an empty secret: only what needs it says so. A secret that cannot be read is an
// error.
func (p Platform) Resolve(environ []string) (platform.Preset, platform.Credentials, error) {
	preset := p.Offer
	r := newReader("", environ)
	if preset.Region == "" {
		base, err := platform.Find(p.Preset)
		if err != nil {
			return preset, platform.Credentials{}, err
		}
		preset.Region = cmp.Or(r.environ[preset.Environment.Region], base.Region)
	}
	var faults []error
	read := func(key, place, variable string) redact.Secret {
		secret, err := r.credential(place, variable)
		if err != nil {
			faults = append(
				faults,
				deadletter.Errorf(deadletter.Invalid, "%s: %v", join(join("platforms", p.Name), key), err),
			)
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

// credential reads what is at a place, or in a variable that may not be there.
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

// PlatformVariable is the variable that sets a key of a platform, such as calls.create.path.
func PlatformVariable(platform, key string) string {
	return prefix + "PLATFORMS" + levels + strings.ToUpper(platform+levels+strings.ReplaceAll(key, ".", levels))
}

func isPlace(text string) bool {
	return strings.HasPrefix(text, "env:") || strings.HasPrefix(text, "file:")
}

func (r *reader) platforms(s *section) []Platform {
	var platforms []Platform
	for _, name := range slices.Concat(r.namesInFile(s), r.namesInVariables(s)) {
		platforms = append(platforms, readPlatform(name, s.section(name)))
	}
	return platforms
}

func readPlatform(name string, s *section) Platform {
	if err := checkName("platform", name); err != nil {
		s.reader.fault(s.path, err.Error())
	}
	p := Platform{
		Name:            name,
		Preset:          setting(s, "preset", "", parsePreset),
		ClientID:        setting(s, "client_id", "", parseSomething),
		ClientSecret:    setting(s, "client_secret", "", parsePlace),
		AccessKeyID:     setting(s, "access_key_id", "", parseSomething),
		AccessKeySecret: setting(s, "access_key_secret", "", parsePlace),
	}
	preset, err := platform.Find(cmp.Or(p.Preset, name))
	if err != nil && p.Preset == "" && !s.reader.faulty(join(s.path, "preset")) {
		s.missing("preset", "is missing: set it to one of "+strings.Join(presetNames(), ", "))
	}
	p.Preset, p.Offer = preset.Name, s.override(preset)
	return p
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

// parsePlace takes the place of a secret without reading it. It never repeats what was there instead: that may be the
// secret.
func parsePlace(text string) (string, error) {
	if !isPlace(text) {
		return "", errors.New("must be env:NAME or file:PATH: a secret does not stand in the configuration itself")
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

// platformOf answers the platform whose webhooks alone prove themselves in this way; "": none.
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
