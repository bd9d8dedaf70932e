// Reads what `harden export` writes as those who use it do: Compose's loader, Kubernetes' types and Pod Security
// evaluator, Podman's generator of units from quadlets.
//
//	consumers compose FILE              prints the loaded project as JSON
//	consumers pod FILE                  prints the pod as JSON, if Pod Security "restricted" admits it
//	consumers pod-as-is FILE            prints the pod as JSON
//	consumers policy FILE               prints the network policy as JSON
//	consumers quadlet FILE              prints the unit that Podman makes of a .container file
//	consumers words FILE SECTION KEY    prints the words of each line of a unit's setting as JSON
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/containers/podman/v5/pkg/systemd/parser"
	"github.com/containers/podman/v5/pkg/systemd/quadlet"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"
)

func main() {
	if len(os.Args) < 3 || (os.Args[1] == "words") != (len(os.Args) == 5) {
		fail(fmt.Errorf("usage: consumers compose|pod|pod-as-is|policy|quadlet|words FILE [SECTION KEY]"))
	}
	var err error
	switch os.Args[1] {
	case "compose":
		err = compose(os.Args[2])
	case "pod":
		err = pod(os.Args[2])
	case "pod-as-is":
		err = strict(os.Args[2], &corev1.Pod{})
	case "words":
		err = words(os.Args[2], os.Args[3], os.Args[4])
	case "policy":
		err = strict(os.Args[2], &networkingv1.NetworkPolicy{})
	case "quadlet":
		err = unit(os.Args[2])
	default:
		err = fmt.Errorf("no such consumer: %s", os.Args[1])
	}
	fail(err)
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func compose(file string) error {
	options, err := cli.NewProjectOptions([]string{file}, cli.WithName("check"))
	if err != nil {
		return err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return err
	}
	return show(project)
}

func strict(file string, into any) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := yaml.UnmarshalStrict(text, into); err != nil {
		return err
	}
	return show(into)
}

func pod(file string) error {
	pod := &corev1.Pod{}
	if err := strict(file, pod); err != nil {
		return err
	}
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return err
	}
	level := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	for _, result := range evaluator.EvaluatePod(level, &pod.ObjectMeta, &pod.Spec) {
		if !result.Allowed {
			return fmt.Errorf("restricted: %s: %s", result.ForbiddenReason, result.ForbiddenDetail)
		}
	}
	return nil
}

func read(file string) (*parser.UnitFile, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	unit := parser.NewUnitFile()
	unit.Filename, unit.Path = filepath.Base(file), file
	return unit, unit.Parse(string(text))
}

func words(file, section, key string) error {
	unit, err := read(file)
	if err != nil {
		return err
	}
	lines := [][]string{}
	for _, line := range unit.LookupAll(section, key) {
		// The reader of one line wants a unit with that line only.
		one := parser.NewUnitFile()
		if err := one.Parse("[S]\nK=" + line + "\n"); err != nil {
			return err
		}
		found, _, err := one.LookupLastArgs("S", "K")
		if err != nil {
			return err
		}
		lines = append(lines, found)
	}
	return show(lines)
}

func unit(file string) error {
	container, err := read(file)
	if err != nil {
		return err
	}
	info := map[string]*quadlet.UnitInfo{container.Filename: {ServiceName: "app"}}
	service, warnings, err := quadlet.ConvertContainer(container, false, info)
	if err != nil {
		return err
	}
	if warnings != nil {
		return warnings
	}
	out, err := service.ToString()
	if err != nil {
		return err
	}
	fmt.Print(out)
	return nil
}

func show(value any) error {
	out, err := json.Marshal(value)
	if err != nil {
		return err
	}
	fmt.Println(string(out))
	return nil
}
