// Reads what `harden export` writes as those who use it do: Compose's loader, Kubernetes' types and Pod Security
// evaluator, Podman's generator of units from quadlets.
//
//	consumers compose FILE       prints the loaded project as JSON
//	consumers pod FILE           prints the pod as JSON after strict decoding and Pod Security "restricted"
//	consumers quadlet FILE       prints the unit that Podman makes of a .container file
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
	if len(os.Args) != 3 {
		fail(fmt.Errorf("consumers compose|pod|policy|quadlet FILE"))
	}
	var err error
	switch os.Args[1] {
	case "compose":
		err = compose(os.Args[2])
	case "pod":
		err = pod(os.Args[2])
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

func unit(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	container := parser.NewUnitFile()
	container.Filename, container.Path = filepath.Base(file), file
	if err := container.Parse(string(text)); err != nil {
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
